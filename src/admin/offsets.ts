import { type Address, Failure, type QueueOffset, queueOffset } from '../base/index.ts';
import {
  GetMaxOffset,
  GroupName,
  OffsetResponse,
  QueryConsumerOffset,
  QueueOfTopic,
  RequestCode,
  ResponseCode,
  SearchOffset,
} from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { mastersOf } from './cluster.ts';
import { fields, momentOf, type OffsetTarget } from './field-types.ts';
import { requireGroup } from './groups.ts';
import { JsonReader } from './json-reader.ts';
import { one, operation, optional } from './operation.ts';
import { readableQueues } from './reading.ts';
import { isRefusal } from './refusal.ts';
import * as shape from './shape.ts';

const QueueProgress = shape.record({
  topic: shape.text,
  broker: shape.text,
  queueId: shape.integer,
  minOffset: shape.long,
  maxOffset: shape.long,
  /** Absent when nothing is committed. */
  consumerOffset: shape.maybe(shape.long),
  /** Messages not consumed yet; of a group that has committed nothing, all. */
  lag: shape.long,
});
export type QueueProgress = shape.ShapeOf<typeof QueueProgress>;

export const showOffsets = operation({
  name: 'offset show',
  summary: 'Show the committed offsets of a consumer group.',
  effect: 'read',
  requests: [
    'GET_BROKER_CLUSTER_INFO',
    'GET_ALL_SUBSCRIPTIONGROUP_CONFIG',
    'QUERY_TOPICS_BY_CONSUMER',
    'GET_ROUTEINFO_BY_TOPIC',
    'QUERY_CONSUMER_OFFSET',
    'GET_MIN_OFFSET',
    'GET_MAX_OFFSET',
  ],
  fields: {
    group: one(fields.text, 'Consumer group.', { positional: true, names: 'group' }),
    topic: optional(fields.text, 'Only this topic (default: all that it has offsets in).', {
      valueName: 'name',
      names: 'topic',
    }),
  },
  output: shape.list(QueueProgress),
  async run(admin, { group, topic }) {
    const topics = topic === undefined ? await topicsOf(admin, group) : [topic];
    const queues: QueueProgress[] = [];
    for (const name of topics) {
      try {
        queues.push(...(await progressIn(admin, group, name)));
      } catch (error) {
        // Offsets outlive topics.
        if (topic !== undefined || !isRefusal(error, ResponseCode.TOPIC_NOT_EXIST)) throw error;
      }
    }
    if (queues.every(({ consumerOffset }) => consumerOffset === undefined)) {
      await requireGroup(admin, await mastersOf(admin, {}), group);
    }
    return queues;
  },
});

/** That a group has offsets in. */
export async function topicsOf(admin: Admin, group: string): Promise<readonly string[]> {
  const topics = new Set<string>();
  for (const { address } of await mastersOf(admin, {})) {
    const response = await admin.call(address, {
      code: RequestCode.QUERY_TOPICS_BY_CONSUMER,
      header: [GroupName, { group }],
    });
    const names = JsonReader.parse(response.body, 'TopicList').at('topicList').items();
    for (const name of names) topics.add(name.text());
  }
  return [...topics].sort();
}

/** A queue with the address of its broker. */
export interface PlacedProgress extends QueueProgress {
  readonly address: Address;
}

export async function progressIn(
  admin: Admin,
  group: string,
  topic: string,
): Promise<readonly PlacedProgress[]> {
  const queues = await readableQueues(admin, topic, undefined);
  return await Promise.all(
    queues.map(async ({ broker, address, queueId }) => {
      const [minOffset, maxOffset, consumerOffset] = await Promise.all([
        offsetAt(admin, address, topic, queueId, 'first'),
        offsetAt(admin, address, topic, queueId, 'last'),
        committedAt(admin, address, group, topic, queueId),
      ]);
      const lag = Math.max(0, maxOffset - Math.max(minOffset, consumerOffset ?? 0));
      return { topic, broker, queueId, minOffset, maxOffset, consumerOffset, lag, address };
    }),
  );
}

/** Undefined when the group has committed nothing there. */
export async function committedAt(
  admin: Admin,
  address: Address,
  group: string,
  topic: string,
  queueId: number,
): Promise<QueueOffset | undefined> {
  const response = await admin.call(
    address,
    {
      code: RequestCode.QUERY_CONSUMER_OFFSET,
      header: [
        QueryConsumerOffset,
        { consumerGroup: group, topic, queueId, setZeroIfNotFound: false },
      ],
    },
    { successes: [ResponseCode.SUCCESS, ResponseCode.QUERY_NOT_FOUND] },
  );
  if (response.code === ResponseCode.QUERY_NOT_FOUND) return undefined;
  return OffsetResponse.decode(response).offset;
}

/** Where reading from there begins; a time after the last message is the end. */
export async function offsetAt(
  admin: Admin,
  address: Address,
  topic: string,
  queueId: number,
  target: OffsetTarget,
): Promise<QueueOffset> {
  const request =
    target === 'first'
      ? admin.call(address, {
          code: RequestCode.GET_MIN_OFFSET,
          header: [QueueOfTopic, { topic, queueId }],
        })
      : target === 'last'
        ? admin.call(address, {
            code: RequestCode.GET_MAX_OFFSET,
            header: [GetMaxOffset, { topic, queueId }],
          })
        : admin.call(address, {
            code: RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
            header: [
              SearchOffset,
              { topic, queueId, timestamp: momentOf(target, admin.clock.now()) },
            ],
          });
  return queueOffset(Math.max(0, OffsetResponse.decode(await request).offset));
}

/** The broker that has this queue. */
export async function placeOfQueue(
  admin: Admin,
  topic: string,
  queueId: number,
  broker: string | undefined,
): Promise<{ readonly broker: string; readonly address: Address }> {
  const queues = (await readableQueues(admin, topic, queueId)).filter(
    (queue) => broker === undefined || queue.broker === broker,
  );
  const [queue, ...others] = queues;
  if (queue === undefined) {
    throw new Failure('invalid', `${topic} has no queue ${queueId} on ${broker}`);
  }
  if (others.length === 0) return queue;
  const names = queues.map((one) => one.broker).join(', ');
  throw new Failure('invalid', `${topic} has a queue ${queueId} on each of ${names}; add --broker`);
}
