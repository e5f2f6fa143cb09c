import type { Address, QueueOffset } from '../base/index.ts';
import { queueOffset } from '../base/index.ts';
import {
  CloneGroupOffset,
  RequestCode,
  ResetOffset,
  ResponseCode,
  UpdateConsumerOffset,
} from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { knowsQueuesOfResets } from './brokers.ts';
import { fields, momentOf, type OffsetTarget } from './field-types.ts';
import { committedAt, offsetAt, placeOfQueue, topicsOf } from './offsets.ts';
import { type InputOf, one, operation, optional } from './operation.ts';
import type { Change } from './preview.ts';
import { readableQueues } from './reading.ts';
import { isRefusal, Refusal } from './refusal.ts';
import * as shape from './shape.ts';

const MovedOffset = shape.record({
  group: shape.text,
  topic: shape.text,
  broker: shape.text,
  queueId: shape.integer,
  /** Absent when nothing was committed. */
  before: shape.maybe(shape.long),
  /** As it was read back. */
  after: shape.maybe(shape.long),
});
export type MovedOffset = shape.ShapeOf<typeof MovedOffset>;

const groupField = one(fields.text, 'Consumer group.', { positional: true, names: 'group' });
const topicField = one(fields.text, 'Topic.', { positional: true, names: 'topic' });

interface Move {
  readonly group: string;
  readonly topic: string;
  readonly broker: string;
  readonly address: Address;
  readonly queueId: number;
  readonly before: QueueOffset | undefined;
  readonly after: QueueOffset;
}

const changesOf = (moves: readonly Move[]): readonly Change[] =>
  moves
    .filter(({ before, after }) => before !== after)
    .map(({ group, topic, broker, queueId, before, after }) => ({
      where: broker,
      what: `offset of ${group} in ${topic} queue ${queueId}`,
      before: before === undefined ? undefined : String(before),
      after: String(after),
    }));

/** The moves as they turned out. */
async function readBack(admin: Admin, moves: readonly Move[]): Promise<readonly MovedOffset[]> {
  return await Promise.all(
    moves.map(async ({ group, topic, broker, address, queueId, before }) => ({
      group,
      topic,
      broker,
      queueId,
      before,
      after: await committedAt(admin, address, group, topic, queueId),
    })),
  );
}

const resetFields = {
  group: groupField,
  topic: topicField,
  to: one(fields.offsetTarget, 'first, last, or a time: a date and time, or 10m (ago).', {
    valueName: 'place',
  }),
} as const;

export const resetOffsets = operation({
  name: 'offset reset',
  summary: 'Let a consumer group go on at the first or last message, or at a time.',
  effect: 'destroy',
  requests: [
    'GET_ROUTEINFO_BY_TOPIC',
    'GET_MIN_OFFSET',
    'GET_MAX_OFFSET',
    'SEARCH_OFFSET_BY_TIMESTAMP',
    'QUERY_CONSUMER_OFFSET',
    'INVOKE_BROKER_TO_RESET_OFFSET',
    'UPDATE_CONSUMER_OFFSET',
  ],
  fields: resetFields,
  output: shape.list(MovedOffset),
  preview: async (admin, input) => changesOf(await planReset(admin, input)),
  async run(admin, input) {
    const moves = await planReset(admin, input);
    const { group, topic } = input;
    const timestamp = resetTime(input.to, admin.clock.now());
    for (const move of moves) {
      const [first] = moves.filter(({ broker }) => broker === move.broker);
      if (move !== first) continue; // One request for all queues of a broker.
      try {
        await admin.call(move.address, {
          code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
          header: [ResetOffset, { topic, group, timestamp, isForce: true }],
        });
      } catch (error) {
        // A broker that leaves it to the consumers has none who would commit meanwhile.
        if (!isRefusal(error, ResponseCode.CONSUMER_NOT_ONLINE)) throw error;
        for (const one of moves) if (one.broker === move.broker) await commit(admin, one);
      }
    }
    return await readBack(admin, moves);
  },
});

/** Below 0 it is the end of the queue, and long ago its begin. */
function resetTime(target: OffsetTarget, now: number): number {
  if (target === 'last') return -1;
  return target === 'first' ? 0 : momentOf(target, now);
}

async function planReset(
  admin: Admin,
  { group, topic, to }: InputOf<typeof resetFields>,
): Promise<readonly Move[]> {
  const queues = await readableQueues(admin, topic, undefined);
  return await Promise.all(
    queues.map(async ({ broker, address, queueId }) => {
      const [before, after] = await Promise.all([
        committedAt(admin, address, group, topic, queueId),
        offsetAt(admin, address, topic, queueId, to),
      ]);
      return { group, topic, broker, address, queueId, before, after };
    }),
  );
}

async function commit(
  admin: Admin,
  { address, group, topic, queueId, after }: Move,
): Promise<void> {
  await admin.call(address, {
    code: RequestCode.UPDATE_CONSUMER_OFFSET,
    header: [UpdateConsumerOffset, { consumerGroup: group, topic, queueId, commitOffset: after }],
  });
}

const setFields = {
  group: groupField,
  topic: topicField,
  queue: one(fields.natural, 'Queue.', { positional: true }),
  offset: one(fields.natural, 'Offset of the next message to consume.', { positional: true }),
  broker: optional(fields.text, 'Broker group of the queue, where several have one.', {
    valueName: 'name',
    names: 'broker',
  }),
} as const;

export const setOffset = operation({
  name: 'offset set',
  summary: 'Let a consumer group go on at an offset in one queue.',
  effect: 'destroy',
  requests: [
    'GET_ROUTEINFO_BY_TOPIC',
    'QUERY_CONSUMER_OFFSET',
    'UPDATE_CONSUMER_OFFSET',
    'INVOKE_BROKER_TO_RESET_OFFSET',
  ],
  fields: setFields,
  output: MovedOffset,
  preview: async (admin, input) => changesOf([await planSet(admin, input)]),
  async run(admin, input) {
    const move = await planSet(admin, input);
    const { group, topic, queueId, after } = move;
    // Brokers of version 4 would take the second request for one about all queues.
    await commit(admin, move);
    if (await knowsQueuesOfResets(admin, move.address)) {
      try {
        await admin.call(move.address, {
          code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
          header: [
            ResetOffset,
            { topic, group, queueId, offset: after, timestamp: 0, isForce: true },
          ],
        });
      } catch (error) {
        // Without consumers nobody has to be told.
        if (!isRefusal(error, ResponseCode.CONSUMER_NOT_ONLINE)) throw error;
      }
    }
    const [moved] = await readBack(admin, [move]);
    if (moved !== undefined) return moved;
    throw new Refusal(ResponseCode.QUERY_NOT_FOUND, 'accepted, but not there when read back');
  },
});

async function planSet(
  admin: Admin,
  { group, topic, queue, offset, broker }: InputOf<typeof setFields>,
): Promise<Move> {
  const place = await placeOfQueue(admin, topic, queue, broker);
  const before = await committedAt(admin, place.address, group, topic, queue);
  return { group, topic, ...place, queueId: queue, before, after: queueOffset(offset) };
}

const copyFields = {
  from: one(fields.text, 'Group whose offsets are copied.', { positional: true, names: 'group' }),
  to: one(fields.text, 'Group that gets them.', { positional: true, names: 'group' }),
  topic: optional(fields.text, 'Only in this topic (default: all that the first has offsets in).', {
    valueName: 'name',
    names: 'topic',
  }),
} as const;

export const copyOffsets = operation({
  name: 'offset copy',
  summary: 'Let a consumer group go on where another one is.',
  effect: 'destroy',
  requests: [
    'GET_BROKER_CLUSTER_INFO',
    'QUERY_TOPICS_BY_CONSUMER',
    'GET_ROUTEINFO_BY_TOPIC',
    'QUERY_CONSUMER_OFFSET',
    'CLONE_GROUP_OFFSET',
  ],
  fields: copyFields,
  output: shape.list(MovedOffset),
  preview: async (admin, input) => changesOf(await planCopy(admin, input)),
  async run(admin, input) {
    const moves = await planCopy(admin, input);
    const done = new Set<string>();
    for (const { address, broker, topic } of moves) {
      const place = `${broker} ${topic}`;
      if (done.has(place)) continue;
      done.add(place);
      await admin.call(address, {
        code: RequestCode.CLONE_GROUP_OFFSET,
        header: [
          CloneGroupOffset,
          { srcGroup: input.from, destGroup: input.to, topic, offline: true },
        ],
      });
    }
    return await readBack(admin, moves);
  },
});

async function planCopy(
  admin: Admin,
  { from, to, topic }: InputOf<typeof copyFields>,
): Promise<readonly Move[]> {
  const moves: Move[] = [];
  for (const name of topic === undefined ? await topicsOf(admin, from) : [topic]) {
    for (const { broker, address, queueId } of await readableQueues(admin, name, undefined)) {
      const after = await committedAt(admin, address, from, name, queueId);
      if (after === undefined) continue;
      const before = await committedAt(admin, address, to, name, queueId);
      moves.push({ group: to, topic: name, broker, address, queueId, before, after });
    }
  }
  if (moves.length > 0) return moves;
  const where = topic === undefined ? '' : ` in ${topic}`;
  throw new Refusal(ResponseCode.QUERY_NOT_FOUND, `${from} has committed no offset${where}`);
}
