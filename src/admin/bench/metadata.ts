import { isFailure, optionTypes, queueOffset } from '../../base/index.ts';
import type { OutgoingRequest } from '../../remoting/index.ts';
import {
  CreateTopic,
  DeleteSubscriptionGroup,
  DeleteTopic,
  DeleteTopicInNameServer,
  type Fields,
  RequestCode,
  ResponseCode,
  UpdateConsumerOffset,
  writeFastjson,
} from '../../wire/index.ts';
import type { Admin } from '../admin.ts';
import { brokerField } from '../change-targets.ts';
import { type Master, mastersToChange } from '../cluster.ts';
import { stream, withDefault } from '../operation.ts';
import { loadFields, type Step, underLoad } from './load.ts';
import { BenchReport } from './report.ts';

const kinds = optionTypes.choice('topic', 'group', 'offset');

export const benchMetadata = stream({
  name: 'bench meta',
  summary: 'Create topics or groups, or commit offsets, each acknowledged; removes what it made.',
  effect: 'change',
  requests: [
    'GET_BROKER_CLUSTER_INFO',
    'UPDATE_AND_CREATE_TOPIC',
    'DELETE_TOPIC_IN_BROKER',
    'DELETE_TOPIC_IN_NAMESRV',
    'UPDATE_AND_CREATE_SUBSCRIPTIONGROUP',
    'DELETE_SUBSCRIPTIONGROUP',
    'UPDATE_CONSUMER_OFFSET',
  ],
  fields: {
    kind: withDefault(kinds, 'topic', 'What to write: topic, group or offset.', {
      valueName: 'kind',
    }),
    broker: brokerField,
    ...loadFields,
  },
  output: BenchReport,
  async preview(admin, { kind, broker, count }) {
    const masters = await mastersToChange(admin, { broker });
    const after = `${count ?? 'many'} new ones with names from ${prefix}, removed at the end`;
    return masters.map(({ name }) => ({ where: name, what: `${kind}s`, before: undefined, after }));
  },
  async *run(admin, input, stop) {
    const masters = await mastersToChange(admin, { broker: input.broker });
    const run = `${prefix}${Array.from(admin.random.bytes(4), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    const made: Made[] = [];
    const make = async (kind: 'topic' | 'group', master: Master, name: string): Promise<void> => {
      made.push({ kind, master, name });
      await admin.call(master.address, creationOf(kind, name));
    };
    try {
      if (input.kind === 'offset') {
        for (const master of masters) {
          await make('topic', master, run);
          await make('group', master, run);
        }
      }
      let begun = 0;
      const limit = input.count ?? Number.POSITIVE_INFINITY;
      const step: Step = async (wire) => {
        if (begun >= limit) return false;
        const number = begun++;
        const master = masters[number % masters.length];
        if (master === undefined) return false;
        const name = `${run}-${number}`;
        if (input.kind !== 'offset') made.push({ kind: input.kind, master, name });
        const request =
          input.kind === 'offset' ? commitOf(run, number) : creationOf(input.kind, name);
        const response = await wire.ask(master.address, request, [ResponseCode.SUCCESS]);
        if (response !== undefined) wire.tally.done(1, 0);
        return true;
      };
      yield* underLoad(admin, input, input.kind, { stepFor: () => step }, stop);
    } finally {
      await removeAll(admin, made);
    }
  },
});

const prefix = 'holdfast-bench-';

interface Made {
  readonly kind: 'topic' | 'group';
  readonly master: Master;
  readonly name: string;
}

function creationOf(kind: 'topic' | 'group', name: string): OutgoingRequest<Fields> {
  if (kind === 'group') {
    return {
      code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
      body: new TextEncoder().encode(writeFastjson({ groupName: name })),
    };
  }
  const header = {
    topic: name,
    defaultTopic: 'TBW102',
    readQueueNums: queues,
    writeQueueNums: queues,
    perm: 6,
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: 0,
    order: false,
    attributes: '',
  };
  return withHeader({ code: RequestCode.UPDATE_AND_CREATE_TOPIC, header: [CreateTopic, header] });
}

const queues = 4;

/** The fields of a header no longer matter once it is paired with its values. */
const withHeader = <F extends Fields>(request: OutgoingRequest<F>) =>
  request as unknown as OutgoingRequest<Fields>;

/** Always the begin: the broker takes whatever it is told, and the topic is empty. */
const commitOf = (name: string, number: number): OutgoingRequest<Fields> =>
  withHeader({
    code: RequestCode.UPDATE_CONSUMER_OFFSET,
    header: [
      UpdateConsumerOffset,
      {
        consumerGroup: name,
        topic: name,
        queueId: number % queues,
        commitOffset: queueOffset(0),
      },
    ],
  });

/** What was asked for, whether or not it was acknowledged; a broker that is gone keeps it. */
async function removeAll(admin: Admin, made: readonly Made[]): Promise<void> {
  const left = [...made];
  const remove = async (): Promise<void> => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) {
      try {
        await removeOne(admin, one);
      } catch (error) {
        if (!isFailure(error)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: 32 }, remove));
}

async function removeOne(admin: Admin, { kind, master, name }: Made): Promise<void> {
  if (kind === 'group') {
    await admin.call(master.address, {
      code: RequestCode.DELETE_SUBSCRIPTIONGROUP,
      header: [DeleteSubscriptionGroup, { groupName: name, cleanOffset: true }],
    });
    return;
  }
  await admin.call(master.address, {
    code: RequestCode.DELETE_TOPIC_IN_BROKER,
    header: [DeleteTopic, { topic: name }],
  });
  for (const nameServer of admin.nameServers) {
    await admin.call(nameServer, {
      code: RequestCode.DELETE_TOPIC_IN_NAMESRV,
      header: [DeleteTopicInNameServer, { topic: name, clusterName: master.cluster }],
    });
  }
}
