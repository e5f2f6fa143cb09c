import {
  decodeStoredMessages,
  PullMessageResponse,
  RequestCode,
  ResponseCode,
} from '../../wire/index.ts';
import { fields } from '../field-types.ts';
import { offsetAt } from '../offsets.ts';
import { one, stream, withDefault } from '../operation.ts';
import { readableQueues } from '../reading.ts';
import { pullHeader } from './consume.ts';
import { loadFields, type Step, underLoad } from './load.ts';
import { Pace, sender, targetsOf } from './produce.ts';
import { BenchReport } from './report.ts';

/** The run that a message belongs to and when it was sent: both at its begin. */
const idBytes = 8;
const stampBytes = idBytes + 8;
const batch = 32;
const suspendMs = 10_000;

export const benchEndToEnd = stream({
  name: 'bench e2e',
  summary: 'Send at a rate, wait for the messages, and measure the time between.',
  effect: 'change',
  requests: ['GET_ROUTEINFO_BY_TOPIC', 'GET_MAX_OFFSET', 'SEND_MESSAGE_V2', 'PULL_MESSAGE'],
  fields: {
    topic: one(fields.text, 'Topic that exists.', { positional: true, names: 'topic' }),
    size: withDefault(fields.positive, 1024, 'Bytes of a body.', { valueName: 'bytes' }),
    rate: withDefault(fields.positive, 1000, 'Messages a second.', { valueName: 'n' }),
    ...loadFields,
  },
  output: BenchReport,
  async preview(_admin, { topic, rate, size }) {
    const after = `${rate} messages of ${size} bytes a second`;
    return [{ where: 'cluster', what: `topic ${topic}`, before: undefined, after }];
  },
  async *run(admin, input, stop) {
    const { topic } = input;
    const queues = await readableQueues(admin, topic, undefined);
    const targets = (await targetsOf(admin, { topic, broker: undefined })).filter((target) =>
      queues.some(({ broker, queueId }) => broker === target.broker && queueId === target.queueId),
    );
    const id = admin.random.bytes(idBytes);
    const now = () => admin.clock.monotonicMs();
    let startedAtMs = 0;
    const send = sender(admin, input, targets, () => {
      const body = new Uint8Array(Math.max(input.size, stampBytes));
      body.set(id);
      new DataView(body.buffer).setFloat64(idBytes, startedAtMs);
      return body;
    });
    const pace = new Pace(admin, input.rate);
    const limit = input.count ?? Number.POSITIVE_INFINITY;
    let received = 0;
    let left = limit;
    const produce: Step = async (wire) => {
      if (received >= limit) return false;
      if (left <= 0) {
        await admin.clock.sleep(10, wire.ended); // For the last of them to arrive.
        return true;
      }
      left -= 1;
      const dueMs = await pace.next(wire.ended);
      if (wire.ended.aborted) return false;
      startedAtMs = dueMs; // Read by the body of the message that is sent in the same turn.
      if (!(await send(wire))) left += 1;
      return true;
    };
    const background = await Promise.all(
      queues.map(async (queue): Promise<Step> => {
        const next = await offsetAt(admin, queue.address, topic, queue.queueId, 'last');
        const cursor = { queue, next };
        return async (wire) => {
          const response = await wire.ask(
            queue.address,
            {
              code: RequestCode.PULL_MESSAGE,
              header: pullHeader(topic, cursor, batch, suspendMs),
            },
            pullAnswers,
            { isMeasured: false },
          );
          if (response === undefined) return true;
          const arrivedAtMs = now();
          cursor.next = PullMessageResponse.decode(response).nextBeginOffset;
          if (response.code !== ResponseCode.SUCCESS) return true;
          for (const { body } of decodeStoredMessages(response.body)) {
            if (body.length < stampBytes || !id.every((byte, at) => body[at] === byte)) continue;
            const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
            wire.tally.took(arrivedAtMs - view.getFloat64(idBytes));
            wire.tally.done(1, body.length);
            received += 1;
          }
          return true;
        };
      }),
    );
    yield* underLoad(admin, input, 'send to receipt', { stepFor: () => produce, background }, stop);
  },
});

const pullAnswers = [
  ResponseCode.SUCCESS,
  ResponseCode.PULL_NOT_FOUND,
  ResponseCode.PULL_RETRY_IMMEDIATELY,
  ResponseCode.PULL_OFFSET_MOVED,
];
