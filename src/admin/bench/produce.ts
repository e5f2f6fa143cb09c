import { type Address, Failure } from '../../base/index.ts';
import {
  encodeProperties,
  Permission,
  PropertyName,
  RequestCode,
  ResponseCode,
  SendMessageV2,
} from '../../wire/index.ts';
import type { Admin } from '../admin.ts';
import { brokerField } from '../change-targets.ts';
import { masterOf, routeOf } from '../cluster.ts';
import { fields } from '../field-types.ts';
import { type InputOf, one, optional, stream, withDefault } from '../operation.ts';
import { loadFields, type Step, underLoad, type Wire } from './load.ts';
import { BenchReport } from './report.ts';

const produceFields = {
  topic: one(fields.text, 'Topic that exists.', { positional: true, names: 'topic' }),
  size: withDefault(fields.positive, 1024, 'Bytes of a body.', { valueName: 'bytes' }),
  rate: optional(fields.positive, 'Messages a second (default: as many as go).', {
    valueName: 'n',
  }),
  tags: optional(fields.text, 'Tag of the messages.', { valueName: 'tag' }),
  broker: brokerField,
  ...loadFields,
} as const;

export const benchProduce = stream({
  name: 'bench produce',
  summary: 'Send messages to a topic as fast as they are acknowledged, or at a rate.',
  effect: 'change',
  requests: ['GET_ROUTEINFO_BY_TOPIC', 'SEND_MESSAGE_V2'],
  fields: produceFields,
  output: BenchReport,
  async preview(admin, input) {
    const targets = await targetsOf(admin, input);
    const messages = input.count === undefined ? 'messages' : `${input.count} messages`;
    const after = `more ${messages} of ${input.size} bytes in ${targets.length} queues`;
    return [{ where: 'cluster', what: `topic ${input.topic}`, before: undefined, after }];
  },
  async *run(admin, input, stop) {
    const targets = await targetsOf(admin, input);
    const send = sender(admin, input, targets);
    const pace = new Pace(admin, input.rate);
    let left = input.count ?? Number.POSITIVE_INFINITY;
    const step: Step = async (wire) => {
      if (left <= 0) return false;
      left -= 1;
      const dueMs = await pace.next(wire.ended);
      if (wire.ended.aborted) return false;
      if (!(await send(wire))) {
        left += 1; // Another one takes its place.
        return true;
      }
      wire.tally.took(admin.clock.monotonicMs() - dueMs);
      wire.tally.done(1, input.size);
      return true;
    };
    yield* underLoad(admin, input, 'send', { stepFor: () => step }, stop);
  },
});

export interface Target {
  readonly broker: string;
  readonly address: Address;
  readonly queueId: number;
}

export async function targetsOf(
  admin: Admin,
  { topic, broker }: { readonly topic: string; readonly broker: string | undefined },
): Promise<readonly Target[]> {
  const route = await routeOf(admin, topic);
  const targets = route.queues
    .filter(({ perm }) => (perm & Permission.WRITE) !== 0)
    .filter((queues) => broker === undefined || queues.broker === broker)
    .flatMap((queues) =>
      Array.from({ length: queues.writeQueues }, (_, queueId) => ({
        broker: queues.broker,
        address: masterOf(route, queues.broker),
        queueId,
      })),
    );
  if (targets.length > 0) return targets;
  throw new Failure('invalid', `${topic} has no queue that can be written to`);
}

/** Sends one message to the next queue; true when it was stored. `bodyOf` gives a body for each, else all have the same. */
export function sender(
  admin: Admin,
  input: Pick<InputOf<typeof produceFields>, 'topic' | 'size'> & {
    readonly tags?: string | undefined;
  },
  targets: readonly Target[],
  bodyOf?: () => Uint8Array,
): (wire: Wire) => Promise<boolean> {
  const sameBody = new Uint8Array(input.size).fill(0x61);
  const idPrefix = hex(admin.random.bytes(12));
  // All but the unique key is the same in each message.
  const placeholder = '0'.repeat(32);
  const properties = new Map<string, string>([
    [PropertyName.UNIQ_KEY, placeholder],
    [PropertyName.WAIT, 'true'],
  ]);
  if (input.tags !== undefined) properties.set(PropertyName.TAGS, input.tags);
  const text = new TextDecoder().decode(encodeProperties(properties));
  const keyAt = text.indexOf(placeholder);
  const beforeKey = text.slice(0, keyAt) + idPrefix;
  const afterKey = text.slice(keyAt + placeholder.length);
  let sent = 0;
  return async (wire) => {
    const target = targets[sent % targets.length];
    if (target === undefined) return false;
    const number = (sent >>> 0).toString(16).toUpperCase().padStart(8, '0');
    sent += 1;
    const response = await wire.ask(
      target.address,
      {
        code: RequestCode.SEND_MESSAGE_V2,
        header: [
          SendMessageV2,
          {
            producerGroup: 'holdfast-bench',
            topic: input.topic,
            defaultTopic: 'TBW102',
            defaultTopicQueueNums: 4,
            queueId: target.queueId,
            sysFlag: 0,
            bornTimestamp: admin.clock.now(),
            flag: 0,
            properties: beforeKey + number + afterKey,
            reconsumeTimes: 0,
            unitMode: false,
            batch: false,
            brokerName: target.broker,
          },
        ],
        body: bodyOf?.() ?? sameBody,
      },
      [ResponseCode.SUCCESS],
      { isMeasured: false },
    );
    return response !== undefined;
  };
}

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();

/** Spreads starts over time. */
export class Pace {
  readonly #admin: Admin;
  readonly #intervalMs: number;
  #nextMs: number;

  constructor(admin: Admin, perSecond: number | undefined) {
    this.#admin = admin;
    this.#intervalMs = perSecond === undefined ? 0 : 1000 / perSecond;
    this.#nextMs = admin.clock.monotonicMs();
  }

  /**
   * When it is time. Gives the moment from which the work counts: now, but when all workers were too busy to begin it in
   * time, the moment at which it was due, so that a slow broker does not hide how long others waited.
   */
  async next(stop: AbortSignal): Promise<number> {
    const { clock } = this.#admin;
    if (this.#intervalMs === 0) return clock.monotonicMs();
    const dueMs = this.#nextMs;
    this.#nextMs += this.#intervalMs;
    const waitMs = dueMs - clock.monotonicMs();
    if (waitMs <= 0) return dueMs;
    await clock.sleep(waitMs, stop);
    return clock.monotonicMs();
  }
}
