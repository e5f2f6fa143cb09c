import { Failure, type QueueOffset, queueOffset } from '../../base/index.ts';
import {
  bodyRangeAt,
  PullMessage,
  PullMessageResponse,
  PullSysFlag,
  RequestCode,
  ResponseCode,
  recordSizeAt,
} from '../../wire/index.ts';
import type { Admin } from '../admin.ts';
import { fields } from '../field-types.ts';
import { offsetAt } from '../offsets.ts';
import { flag, one, stream, withDefault } from '../operation.ts';
import { type Queue, readableQueues } from '../reading.ts';
import { loadFields, type Step, underLoad, type Wire } from './load.ts';
import { BenchReport } from './report.ts';

export const benchConsume = stream({
  name: 'bench consume',
  summary: 'Pull the messages of a topic as fast as they come; no consumer group moves.',
  effect: 'read',
  requests: ['GET_ROUTEINFO_BY_TOPIC', 'GET_MIN_OFFSET', 'GET_MAX_OFFSET', 'PULL_MESSAGE'],
  fields: {
    topic: one(fields.text, 'Topic with messages.', { positional: true, names: 'topic' }),
    batch: withDefault(fields.positive, 32, 'Messages of one pull, at most.', { valueName: 'n' }),
    once: flag('End at the end of the queues instead of beginning again.'),
    ...loadFields,
  },
  output: BenchReport,
  async *run(admin, input, stop) {
    const queues = await readableQueues(admin, input.topic, undefined);
    const ranges = await Promise.all(queues.map((queue) => rangeOf(admin, input.topic, queue)));
    const cursors = ranges.filter(({ min, max }) => max > min);
    if (cursors.length === 0) throw new Failure('invalid', `${input.topic} has no messages`);
    const limit = input.count ?? Number.POSITIVE_INFINITY;
    const stepFor = (worker: number): Step => {
      // More workers than queues read some queues at several places.
      const own = cursors[worker % cursors.length];
      if (own === undefined) return async () => false;
      const cursor = { ...own, next: input.once && worker >= cursors.length ? own.max : own.min };
      return async (wire) => {
        if (wire.tally.count >= limit) return false;
        if (cursor.next >= cursor.max) {
          if (input.once) return false;
          cursor.next = cursor.min;
        }
        await pull(wire, input.topic, cursor, input.batch);
        return true;
      };
    };
    yield* underLoad(admin, input, 'pull', { stepFor }, stop);
  },
});

interface Cursor {
  readonly queue: Queue;
  readonly min: QueueOffset;
  /** As it was at the begin. */
  readonly max: QueueOffset;
  next: QueueOffset;
}

async function rangeOf(admin: Admin, topic: string, queue: Queue): Promise<Cursor> {
  const { address, queueId } = queue;
  const min = await offsetAt(admin, address, topic, queueId, 'first');
  const max = await offsetAt(admin, address, topic, queueId, 'last');
  return { queue, min, max, next: min };
}

async function pull(wire: Wire, topic: string, cursor: Cursor, batch: number): Promise<void> {
  const { address } = cursor.queue;
  const response = await wire.ask(
    address,
    { code: RequestCode.PULL_MESSAGE, header: pullHeader(topic, cursor, batch, 0) },
    [ResponseCode.SUCCESS, ResponseCode.PULL_NOT_FOUND, ResponseCode.PULL_RETRY_IMMEDIATELY],
  );
  if (response === undefined) return;
  const before = cursor.next;
  cursor.next = PullMessageResponse.decode(response).nextBeginOffset;
  if (response.code !== ResponseCode.SUCCESS) {
    if (cursor.next <= before) cursor.next = cursor.max; // Expired since the begin.
    return;
  }
  let messages = 0;
  let bytes = 0;
  for (let at = 0; at < response.body.length; at += recordSizeAt(response.body, at)) {
    const body = bodyRangeAt(response.body, at);
    bytes += body.end - body.start;
    messages += 1;
  }
  wire.tally.done(messages, bytes);
}

/** With `suspendMs` the broker holds the pull until there is a message. */
export function pullHeader(
  topic: string,
  { queue, next }: Pick<Cursor, 'queue' | 'next'>,
  batch: number,
  suspendMs: number,
) {
  return [
    PullMessage,
    {
      consumerGroup: 'TOOLS_CONSUMER',
      topic,
      queueId: queue.queueId,
      queueOffset: next,
      maxMsgNums: batch,
      sysFlag: (suspendMs > 0 ? PullSysFlag.SUSPEND : 0) | PullSysFlag.SUBSCRIPTION,
      commitOffset: queueOffset(0),
      suspendTimeoutMillis: suspendMs,
      subscription: '*',
      subVersion: 0,
      expressionType: 'TAG',
    },
  ] as const;
}
