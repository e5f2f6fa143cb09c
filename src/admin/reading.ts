import { type Address, Failure, type QueueOffset, queueOffset } from '../base/index.ts';
import {
  decodeStoredMessages,
  GetMaxOffset,
  OffsetResponse,
  Permission,
  PullMessage,
  PullMessageResponse,
  PullSysFlag,
  QueueOfTopic,
  RequestCode,
  ResponseCode,
} from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { masterOf, routeOf } from './cluster.ts';
import { fields, type StartingPoint } from './field-types.ts';
import { Message, messageOf } from './message.ts';
import { one, optional, stream, withDefault } from './operation.ts';

export const tailTopic = stream({
  name: 'msg tail',
  summary: 'Follow the messages of a topic; no consumer group moves.',
  effect: 'read',
  requests: ['GET_ROUTEINFO_BY_TOPIC', 'GET_MIN_OFFSET', 'GET_MAX_OFFSET', 'PULL_MESSAGE'],
  fields: {
    topic: one(fields.text, 'Topic to follow.', { positional: true, names: 'topic' }),
    from: withDefault(
      fields.startingPoint,
      'last',
      'Where to begin in each queue: first, last, or an offset.',
      {
        valueName: 'place',
      },
    ),
    count: optional(fields.natural, 'End after so many messages.', { valueName: 'n' }),
    queue: optional(fields.natural, 'Only this queue.', { valueName: 'id' }),
    tags: withDefault(fields.text, '*', 'Only messages with these tags, such as "a || b".', {
      valueName: 'expression',
    }),
  },
  output: Message,
  async *run(admin, input, stop) {
    const queues = await readableQueues(admin, input.topic, input.queue);
    const positions = await Promise.all(
      queues.map((queue) => startOf(admin, input.topic, queue, input.from)),
    );
    const cursors = queues.map((queue, index) => ({
      queue: { ...queue, topic: input.topic, tags: input.tags },
      next: positions[index] ?? queueOffset(0),
    }));
    let left = input.count ?? Number.POSITIVE_INFINITY;
    if (left === 0) return;
    for await (const messages of pullAll(admin, cursors, stop)) {
      for (const message of messages) {
        yield message;
        left -= 1;
        if (left === 0) return;
      }
    }
  },
});

export interface Queue {
  readonly broker: string;
  readonly address: Address;
  readonly queueId: number;
}

export interface Cursor {
  readonly queue: Queue & { readonly topic: string; readonly tags: string };
  next: QueueOffset;
}

export async function readableQueues(
  admin: Admin,
  topic: string,
  only: number | undefined,
): Promise<readonly Queue[]> {
  const route = await routeOf(admin, topic);
  const queues = route.queues
    .filter(({ perm }) => (perm & Permission.READ) !== 0)
    .flatMap(({ broker, readQueues }) =>
      Array.from({ length: readQueues }, (_, queueId) => ({
        broker,
        address: masterOf(route, broker),
        queueId,
      })),
    )
    .filter(({ queueId }) => only === undefined || queueId === only);
  if (queues.length > 0) return queues;
  const what = only === undefined ? 'queue' : `queue ${only}`;
  throw new Failure('invalid', `${topic} has no ${what} that can be read`);
}

async function startOf(
  admin: Admin,
  topic: string,
  { address, queueId }: Queue,
  from: StartingPoint,
): Promise<QueueOffset> {
  if (typeof from === 'number') return queueOffset(from);
  const request =
    from === 'first'
      ? admin.call(address, {
          code: RequestCode.GET_MIN_OFFSET,
          header: [QueueOfTopic, { topic, queueId }],
        })
      : admin.call(address, {
          code: RequestCode.GET_MAX_OFFSET,
          header: [GetMaxOffset, { topic, queueId }],
        });
  return OffsetResponse.decode(await request).offset;
}

/** What arrives in any of the queues, in the order of arrival here. Each queue has one pull under way. */
async function* pullAll(
  admin: Admin,
  cursors: readonly Cursor[],
  stop: AbortSignal,
): AsyncGenerator<readonly Message[]> {
  const pulls = new Map<Cursor, Promise<Pulled>>();
  const pullNext = (cursor: Cursor): void => {
    const pull = pullOnce(admin, cursor);
    pull.catch(() => {}); // Told by the race, unless everything ended before.
    // Behind the others, so that a busy queue does not starve them.
    pulls.delete(cursor);
    pulls.set(cursor, pull);
  };
  for (const cursor of cursors) pullNext(cursor);
  const stopped = new Promise<undefined>((resolve) => {
    if (stop.aborted) resolve(undefined);
    stop.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  while (true) {
    const pulled = await Promise.race([stopped, ...pulls.values()]);
    if (pulled === undefined) return;
    yield pulled.messages;
    pullNext(pulled.cursor);
  }
}

interface Pulled {
  readonly cursor: Cursor;
  readonly messages: readonly Message[];
}

/** How long a broker may hold a pull; as the Java client. */
const suspendMs = 15_000;
const pullTimeoutMs = 30_000;
const pullCount = 32;

/** A group that every broker has; nothing is committed for it. */
const toolsGroup = 'TOOLS_CONSUMER';

/** One pull, and where the next one begins. Sets `cursor.next`. */
export async function pullOnce(
  admin: Admin,
  cursor: Cursor,
  options: { readonly mayWait: boolean } = { mayWait: true },
): Promise<Pulled> {
  const { queue } = cursor;
  const response = await admin.call(
    queue.address,
    {
      code: RequestCode.PULL_MESSAGE,
      header: [
        PullMessage,
        {
          consumerGroup: toolsGroup,
          topic: queue.topic,
          queueId: queue.queueId,
          queueOffset: cursor.next,
          maxMsgNums: pullCount,
          sysFlag: (options.mayWait ? PullSysFlag.SUSPEND : 0) | PullSysFlag.SUBSCRIPTION,
          commitOffset: queueOffset(0),
          suspendTimeoutMillis: suspendMs,
          subscription: queue.tags,
          subVersion: admin.clock.now(),
          expressionType: 'TAG',
        },
      ],
    },
    { timeoutMs: pullTimeoutMs, successes: pullSuccesses },
  );
  cursor.next = PullMessageResponse.decode(response).nextBeginOffset;
  if (response.code !== ResponseCode.SUCCESS) return { cursor, messages: [] };
  const messages = decodeStoredMessages(response.body)
    .map((stored) => messageOf(stored, queue.broker))
    // The broker compares hashes of tags; another tag may have the same.
    .filter(({ tags }) => matches(queue.tags, tags));
  return { cursor, messages };
}

const pullSuccesses = [
  ResponseCode.SUCCESS,
  ResponseCode.PULL_NOT_FOUND,
  ResponseCode.PULL_RETRY_IMMEDIATELY,
  ResponseCode.PULL_OFFSET_MOVED,
];

function matches(expression: string, tags: string | undefined): boolean {
  if (expression.trim() === '*') return true;
  return expression.split('||').some((tag) => tag.trim() === tags);
}
