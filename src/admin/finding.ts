import {
  Failure,
  formatAddress,
  isFailure,
  queueOffset,
  type TimestampMs,
  timestampMs,
} from '../base/index.ts';
import {
  decodeOffsetMessageId,
  decodeStoredMessage,
  decodeStoredMessages,
  type OffsetMessageId,
  OffsetResponse,
  QueryMessage,
  RequestCode,
  ResponseCode,
  SearchOffset,
  ViewMessage,
} from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { type Master, mastersOf, routeOf } from './cluster.ts';
import { fields, momentOf } from './field-types.ts';
import { Message, messageOf } from './message.ts';
import { type InputOf, one, operation, optional, withDefault } from './operation.ts';
import { pullOnce, type Queue, readableQueues } from './reading.ts';
import { isRefusal, Refusal } from './refusal.ts';
import * as shape from './shape.ts';
import { isUserTopic } from './system-names.ts';
import { topicNames } from './topics.ts';

export const getMessage = operation({
  name: 'msg get',
  summary: 'Show the message with this id.',
  effect: 'read',
  requests: ['VIEW_MESSAGE_BY_ID', 'QUERY_MESSAGE', 'GET_BROKER_CLUSTER_INFO'],
  fields: {
    id: one(fields.text, 'Message id, or offset message id.', { positional: true }),
    topic: optional(fields.text, 'Topic of the message (default: look into all).', {
      valueName: 'name',
      names: 'topic',
    }),
  },
  output: Message,
  async run(admin, { id, topic }) {
    const found = (await viewByOffset(admin, id)) ?? (await queryUniqueKey(admin, id, topic));
    if (found !== undefined) return found;
    throw new Refusal(ResponseCode.QUERY_NOT_FOUND, `no message ${id}`);
  },
});

/**
 * Both kinds of id have the same length. One that was made from an address and a position names a broker of this
 * cluster; else it is a unique key.
 */
async function viewByOffset(admin: Admin, id: string): Promise<Message | undefined> {
  const decoded = offsetIdOf(id);
  if (decoded === undefined) return undefined;
  const broker = (await mastersOf(admin, {})).find(
    ({ address }) => formatAddress(address) === formatAddress(decoded.host),
  );
  if (broker === undefined) return undefined;
  try {
    const response = await admin.call(broker.address, {
      code: RequestCode.VIEW_MESSAGE_BY_ID,
      header: [ViewMessage, { offset: decoded.physicalOffset }],
    });
    return messageOf(decodeStoredMessage(response.body), broker.name);
  } catch (error) {
    // The Java broker answers SYSTEM_ERROR when there is nothing at this position.
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

function offsetIdOf(id: string): OffsetMessageId | undefined {
  try {
    return decodeOffsetMessageId(id);
  } catch (error) {
    if (isFailure(error, 'invalid')) return undefined;
    throw error;
  }
}

const findFields = {
  topic: one(fields.text, 'Topic to look into.', { positional: true, names: 'topic' }),
  key: optional(fields.text, 'Messages with this key.', { valueName: 'key' }),
  uniqueKey: optional(fields.text, 'The message with this unique key (message id).', {
    valueName: 'id',
  }),
  from: optional(fields.timePoint, 'Stored at this time or later: a date and time, or 10m ago.', {
    valueName: 'time',
  }),
  to: optional(fields.timePoint, 'Stored at this time or earlier.', { valueName: 'time' }),
  count: withDefault(fields.positive, 64, 'At most so many messages.', { valueName: 'n' }),
} as const;

export const findMessages = operation({
  name: 'msg find',
  summary: 'Find messages by key, unique key or time; oldest first.',
  effect: 'read',
  requests: [
    'GET_ROUTEINFO_BY_TOPIC',
    'QUERY_MESSAGE',
    'SEARCH_OFFSET_BY_TIMESTAMP',
    'PULL_MESSAGE',
  ],
  fields: findFields,
  output: shape.list(Message),
  async run(admin, input) {
    const { topic, key, uniqueKey, count } = input;
    if (key !== undefined && uniqueKey !== undefined) {
      throw new Failure('invalid', 'give --key or --unique-key, not both');
    }
    const now = admin.clock.now();
    const span = {
      from: input.from === undefined ? timestampMs(0) : momentOf(input.from, now),
      to: input.to === undefined ? endOfTime : momentOf(input.to, now),
    };
    if (span.from > span.to) throw new Failure('invalid', '--from is later than --to');
    if (key === undefined && uniqueKey === undefined) {
      if (input.from === undefined && input.to === undefined) {
        throw new Failure('invalid', 'give --key, --unique-key, --from or --to');
      }
      return await inTimeSpan(admin, input, span);
    }
    const masters = (await routeOf(admin, topic)).replicas.filter(({ id }) => id === 0);
    const query = { topic, key: key ?? uniqueKey ?? '', isUniqueKey: key === undefined };
    const answers = await Promise.all(
      masters.map((master) => queryOn(admin, master, { ...query, ...span, count })),
    );
    return answers.flat().sort(byStoreTime).slice(0, count);
  },
});

interface TimeSpan {
  readonly from: TimestampMs;
  readonly to: TimestampMs;
}

const endOfTime = timestampMs(Number.MAX_SAFE_INTEGER);

const byStoreTime = (a: Message, b: Message): number =>
  a.storeTimestamp - b.storeTimestamp || a.queueId - b.queueId || a.queueOffset - b.queueOffset;

async function inTimeSpan(
  admin: Admin,
  { topic, count }: InputOf<typeof findFields>,
  span: TimeSpan,
): Promise<readonly Message[]> {
  const queues = await readableQueues(admin, topic, undefined);
  const found = await Promise.all(
    queues.map((queue) => spanOfQueue(admin, topic, queue, span, count)),
  );
  return found.flat().sort(byStoreTime).slice(0, count);
}

/** The oldest `count` of one queue: within it, store times do not go back. */
async function spanOfQueue(
  admin: Admin,
  topic: string,
  queue: Queue,
  { from, to }: TimeSpan,
  count: number,
): Promise<readonly Message[]> {
  const response = await admin.call(queue.address, {
    code: RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
    header: [SearchOffset, { topic, queueId: queue.queueId, timestamp: from }],
  });
  const start = OffsetResponse.decode(response).offset;
  const cursor = { queue: { ...queue, topic, tags: '*' }, next: queueOffset(Math.max(0, start)) };
  const found: Message[] = [];
  while (found.length < count) {
    const begin = cursor.next;
    const { messages } = await pullOnce(admin, cursor, { mayWait: false });
    if (messages.length === 0 && cursor.next <= begin) return found;
    for (const message of messages) {
      if (message.storeTimestamp > to) return found;
      if (message.storeTimestamp >= from) found.push(message);
    }
  }
  return found;
}

async function queryUniqueKey(
  admin: Admin,
  id: string,
  topic: string | undefined,
): Promise<Message | undefined> {
  const masters = await mastersOf(admin, {});
  const topics = topic === undefined ? (await topicNames(admin)).filter(isUserTopic) : [topic];
  const query = { key: id, isUniqueKey: true, count: 32, from: timestampMs(0), to: endOfTime };
  for (const name of topics) {
    const answers = await Promise.all(
      masters.map((master) => queryOn(admin, master, { ...query, topic: name })),
    );
    const [found] = answers.flat();
    if (found !== undefined) return found;
  }
  return undefined;
}

interface KeyQuery extends TimeSpan {
  readonly topic: string;
  readonly key: string;
  readonly isUniqueKey: boolean;
  readonly count: number;
}

/** Indexes hold hashes: others with the same hash are left out. */
async function queryOn(
  admin: Admin,
  master: Master,
  { topic, key, isUniqueKey, count, from, to }: KeyQuery,
): Promise<readonly Message[]> {
  const response = await admin.call(
    master.address,
    {
      code: RequestCode.QUERY_MESSAGE,
      header: [
        QueryMessage,
        { topic, key, maxNum: count, beginTimestamp: from, endTimestamp: to, isUniqueKey },
      ],
    },
    {
      successes: [ResponseCode.SUCCESS, ResponseCode.QUERY_NOT_FOUND, ResponseCode.TOPIC_NOT_EXIST],
    },
  );
  if (response.code !== ResponseCode.SUCCESS) return [];
  return decodeStoredMessages(response.body)
    .map((stored) => messageOf(stored, master.name))
    .filter(({ messageId, keys }) =>
      isUniqueKey ? messageId === key : keys?.split(' ').includes(key) === true,
    );
}
