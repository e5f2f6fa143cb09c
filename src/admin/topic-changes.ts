import { isFailure } from '../base/index.ts';
import {
  CreateTopic,
  DeleteTopic,
  DeleteTopicInNameServer,
  RequestCode,
  ResponseCode,
} from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { brokerField, clusterField, type Having, mastersHaving } from './change-targets.ts';
import { type Master, type MasterFilter, mastersToChange, onEach } from './cluster.ts';
import { fields, permissionText } from './field-types.ts';
import { type InputOf, many, one, operation, optional } from './operation.ts';
import { type Change, differences } from './preview.ts';
import { Refusal } from './refusal.ts';
import * as shape from './shape.ts';
import { configOn, TopicOnBroker } from './topics.ts';

const TopicResult = shape.record({ topic: shape.text, brokers: shape.list(TopicOnBroker) });
export type TopicResult = shape.ShapeOf<typeof TopicResult>;

/** What a topic is made with, as by the admin tool of RocketMQ. */
const defaults = { readQueues: 8, writeQueues: 8, perm: 6, order: false } as const;

const settings = (isNew: boolean) => {
  const unset = (value: string) => (isNew ? ` (default: ${value})` : '');
  return {
    readQueues: optional(fields.natural, `Queues to read${unset(`${defaults.readQueues}`)}.`, {
      valueName: 'n',
    }),
    writeQueues: optional(fields.natural, `Queues to write${unset(`${defaults.writeQueues}`)}.`, {
      valueName: 'n',
    }),
    perm: optional(fields.permission, `What is allowed: r, w, rw or none${unset('rw')}.`, {
      valueName: 'perm',
    }),
    order: optional(fields.boolean, `Whether the topic is ordered${unset('false')}.`, {
      valueName: 'true|false',
    }),
    attribute: many(fields.attribute, 'Attribute, such as message.type=FIFO.', {
      valueName: 'key=value',
    }),
    cluster: clusterField,
    broker: brokerField,
  };
};

const creationFields = {
  topic: one(fields.text, 'Name of the topic.', { positional: true }),
  ...settings(true),
};

const editFields = {
  topic: one(fields.text, 'Name of the topic.', { positional: true, names: 'topic' }),
  ...settings(false),
  removeAttribute: many(fields.text, 'Attribute to remove.', { valueName: 'key' }),
};

export const createTopic = operation({
  name: 'topic create',
  summary: 'Create a topic; one that exists with the given settings is left as it is.',
  effect: 'change',
  requests: ['GET_BROKER_CLUSTER_INFO', 'GET_TOPIC_CONFIG', 'UPDATE_AND_CREATE_TOPIC'],
  fields: creationFields,
  output: TopicResult,
  preview: async (admin, input) => previewOf(input.topic, await planCreation(admin, input)),
  run: async (admin, input) => carryOut(admin, input.topic, await planCreation(admin, input)),
});

export const editTopic = operation({
  name: 'topic edit',
  summary: 'Change the given settings of a topic.',
  effect: 'change',
  requests: ['GET_BROKER_CLUSTER_INFO', 'GET_TOPIC_CONFIG', 'UPDATE_AND_CREATE_TOPIC'],
  fields: editFields,
  output: TopicResult,
  preview: async (admin, input) => previewOf(input.topic, await planEdit(admin, input)),
  run: async (admin, input) => carryOut(admin, input.topic, await planEdit(admin, input)),
});

interface Step {
  readonly master: Master;
  readonly before: TopicOnBroker | undefined;
  readonly after: TopicOnBroker;
}

async function planCreation(
  admin: Admin,
  input: InputOf<typeof creationFields>,
): Promise<readonly Step[]> {
  const steps: Step[] = [];
  for (const master of await mastersToChange(admin, input)) {
    const before = await configOn(admin, master, input.topic);
    const after = changed(before ?? asNew(master.name), { ...input, removeAttribute: [] });
    const [difference] = before === undefined ? [] : differencesOf(input.topic, before, after);
    if (difference !== undefined) {
      const { where, what } = difference;
      const remark = `${where}: ${what} is ${difference.before}, not ${difference.after}; use topic edit`;
      throw new Refusal(ResponseCode.TOPIC_EXIST_ALREADY, remark);
    }
    steps.push({ master, before, after });
  }
  return steps;
}

async function planEdit(admin: Admin, input: InputOf<typeof editFields>): Promise<readonly Step[]> {
  const having = await topicsOn(admin, input, '; use topic create');
  return having.map(({ master, config }) => ({
    master,
    before: config,
    after: changed(config, input),
  }));
}

const asNew = (broker: string): TopicOnBroker => ({ broker, ...defaults, attributes: {} });

function changed(
  before: TopicOnBroker,
  input: Omit<InputOf<typeof editFields>, 'topic'>,
): TopicOnBroker {
  const attributes: Record<string, string> = { ...before.attributes };
  for (const [key, value] of input.attribute) attributes[key] = value;
  for (const key of input.removeAttribute) delete attributes[key];
  return {
    broker: before.broker,
    readQueues: input.readQueues ?? before.readQueues,
    writeQueues: input.writeQueues ?? before.writeQueues,
    perm: input.perm ?? before.perm,
    order: input.order ?? before.order,
    attributes,
  };
}

const previewOf = (topic: string, steps: readonly Step[]): readonly Change[] =>
  steps.flatMap(({ before, after }) => differencesOf(topic, before, after));

const differencesOf = (
  topic: string,
  before: TopicOnBroker | undefined,
  after: TopicOnBroker | undefined,
): readonly Change[] =>
  differences(
    (before ?? after)?.broker ?? '',
    `topic ${topic}`,
    before && textsOf(before),
    after && textsOf(after),
  );

function textsOf({ readQueues, writeQueues, perm, order, attributes }: TopicOnBroker) {
  return {
    readQueues: String(readQueues),
    writeQueues: String(writeQueues),
    perm: permissionText(perm),
    order: String(order),
    ...attributes,
  };
}

/** Does what differs, and reads all of it back. */
async function carryOut(admin: Admin, topic: string, steps: readonly Step[]): Promise<TopicResult> {
  const byName = new Map(steps.map((step) => [step.master.name, step]));
  const brokers = await onEach(
    steps.map(({ master }) => master),
    async (master) => {
      const step = byName.get(master.name);
      if (step !== undefined && differencesOf(topic, step.before, step.after).length > 0) {
        await write(admin, topic, step);
      }
      const written = await configOn(admin, master, topic);
      if (written !== undefined) return written;
      throw new Refusal(ResponseCode.TOPIC_NOT_EXIST, 'accepted, but not there when read back');
    },
  );
  return { topic, brokers };
}

async function write(admin: Admin, topic: string, { master, before, after }: Step): Promise<void> {
  await admin.call(master.address, {
    code: RequestCode.UPDATE_AND_CREATE_TOPIC,
    header: [
      CreateTopic,
      {
        topic,
        defaultTopic: 'TBW102',
        readQueueNums: after.readQueues,
        writeQueueNums: after.writeQueues,
        perm: after.perm,
        topicFilterType: 'SINGLE_TAG',
        topicSysFlag: 0,
        order: after.order,
        attributes: attributeChanges(before?.attributes ?? {}, after.attributes),
      },
    ],
  });
}

/** `+key=value` sets and `-key` removes. */
function attributeChanges(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string {
  const set = Object.entries(after).filter(([key, value]) => before[key] !== value);
  const removed = Object.keys(before).filter((key) => !(key in after));
  return [
    ...set.map(([key, value]) => `+${key}=${value}`),
    ...removed.map((key) => `-${key}`),
  ].join(',');
}

const RemovedTopic = shape.record({
  topic: shape.text,
  brokers: shape.list(shape.text),
});
export type RemovedTopic = shape.ShapeOf<typeof RemovedTopic>;

export const deleteTopic = operation({
  name: 'topic rm',
  summary: 'Remove a topic with its messages.',
  effect: 'destroy',
  requests: [
    'GET_BROKER_CLUSTER_INFO',
    'GET_TOPIC_CONFIG',
    'DELETE_TOPIC_IN_BROKER',
    'DELETE_TOPIC_IN_NAMESRV',
  ],
  fields: {
    topic: one(fields.text, 'Name of the topic.', { positional: true, names: 'topic' }),
    cluster: clusterField,
  },
  output: RemovedTopic,
  async preview(admin, input) {
    return (await topicsOn(admin, input)).flatMap(({ config }) =>
      differencesOf(input.topic, config, undefined),
    );
  },
  async run(admin, input) {
    const having = (await topicsOn(admin, input)).map(({ master }) => master);
    const { topic } = input;
    await onEach(having, async (master) => {
      await admin.call(master.address, {
        code: RequestCode.DELETE_TOPIC_IN_BROKER,
        header: [DeleteTopic, { topic }],
      });
      if ((await configOn(admin, master, topic)) === undefined) return;
      throw new Refusal(ResponseCode.SYSTEM_ERROR, 'accepted, but still there when read back');
    });
    // Each name server forgets on its own; one that is down has nothing to forget.
    for (const nameServer of admin.nameServers) {
      try {
        await admin.call(nameServer, {
          code: RequestCode.DELETE_TOPIC_IN_NAMESRV,
          header: [DeleteTopicInNameServer, { topic, clusterName: having[0]?.cluster }],
        });
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
      }
    }
    return { topic, brokers: having.map(({ name }) => name) };
  },
});

const topicsOn = (
  admin: Admin,
  { topic, ...filter }: MasterFilter & { readonly topic: string },
  hint = '',
): Promise<readonly Having<TopicOnBroker>[]> =>
  mastersHaving(
    admin,
    filter,
    (master) => configOn(admin, master, topic),
    new Refusal(ResponseCode.TOPIC_NOT_EXIST, `no topic ${topic}${hint}`),
  );
