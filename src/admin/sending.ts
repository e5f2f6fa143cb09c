import { Failure } from '../base/index.ts';
import {
  createUniqueId,
  encodeProperties,
  Permission,
  PropertyName,
  RequestCode,
  ResponseCode,
  SendMessageResponse,
  SendMessageV2,
} from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { masterOf, routeOf, type TopicRoute } from './cluster.ts';
import { fields } from './field-types.ts';
import { many, one, operation, optional, withDefault } from './operation.ts';
import { isRefusal } from './refusal.ts';
import { integer, long, record, type ShapeOf, text } from './shape.ts';

const SentMessage = record({
  /** The unique key, which clients show as message id. */
  messageId: text,
  offsetMessageId: text,
  topic: text,
  broker: text,
  queueId: integer,
  queueOffset: long,
  /** `SEND_OK`, or why a stored message may not be as safe as wished. */
  status: text,
});
export type SentMessage = ShapeOf<typeof SentMessage>;

export const sendMessage = operation({
  name: 'msg send',
  summary: 'Send a message.',
  effect: 'change',
  requests: ['GET_ROUTEINFO_BY_TOPIC', 'SEND_MESSAGE_V2'],
  fields: {
    topic: one(fields.text, 'Topic; a new one is created if the broker allows it.', {
      positional: true,
      names: 'topic',
    }),
    body: one(fields.payload, 'Text of the message; - is standard input.', {
      positional: true,
      readsInput: true,
    }),
    tags: optional(fields.text, 'Tag by which consumers filter.', { valueName: 'tag' }),
    keys: many(fields.text, 'Key by which the message can be found.', { valueName: 'key' }),
    property: many(fields.assignment, 'Property of your own.', { valueName: 'name=value' }),
    broker: optional(fields.text, 'Broker group to send to (default: any).', {
      valueName: 'name',
      names: 'broker',
    }),
    queue: optional(fields.natural, 'Queue to send to (default: any).', { valueName: 'id' }),
    group: withDefault(fields.text, 'holdfast-cli', 'Producer group.', { valueName: 'name' }),
  },
  output: SentMessage,
  async preview(admin, input) {
    const route = await routeForSending(admin, input.topic);
    const { broker } = chooseQueue(admin, route, input);
    const after = `+1 message of ${input.body.length} bytes`;
    return [{ where: broker, what: `topic ${input.topic}`, before: undefined, after }];
  },
  async run(admin, input) {
    // Brokers and clients of RocketMQ do not know such messages.
    if (input.body.length === 0) throw new Failure('invalid', 'the message is empty');
    const route = await routeForSending(admin, input.topic);
    const target = chooseQueue(admin, route, input);
    const uniqueKey = newUniqueKey(admin);
    const properties = new Map(input.property);
    properties.set(PropertyName.UNIQ_KEY, uniqueKey);
    properties.set(PropertyName.WAIT, 'true');
    if (input.tags !== undefined) properties.set(PropertyName.TAGS, input.tags);
    if (input.keys.length > 0) properties.set(PropertyName.KEYS, input.keys.join(' '));
    const response = await admin.call(
      masterOf(route, target.broker),
      {
        code: RequestCode.SEND_MESSAGE_V2,
        header: [
          SendMessageV2,
          {
            producerGroup: input.group,
            topic: input.topic,
            defaultTopic: topicOfTemplates,
            defaultTopicQueueNums: templateQueues,
            queueId: target.queueId,
            sysFlag: 0,
            bornTimestamp: admin.clock.now(),
            flag: 0,
            properties: new TextDecoder().decode(encodeProperties(properties)),
            reconsumeTimes: 0,
            unitMode: false,
            batch: false,
            brokerName: target.broker,
          },
        ],
        body: input.body,
      },
      { successes: [...statusNames.keys()] },
    );
    const { msgId, queueId, queueOffset } = SendMessageResponse.decode(response);
    return {
      messageId: uniqueKey,
      offsetMessageId: msgId,
      topic: input.topic,
      broker: target.broker,
      queueId,
      queueOffset,
      status: statusNames.get(response.code) ?? String(response.code),
    };
  },
});

/** The message is stored; what else was promised about it may be late. Source: `SendStatus`. */
const statusNames: ReadonlyMap<number, string> = new Map([
  [ResponseCode.SUCCESS, 'SEND_OK'],
  [ResponseCode.FLUSH_DISK_TIMEOUT, 'FLUSH_DISK_TIMEOUT'],
  [ResponseCode.FLUSH_SLAVE_TIMEOUT, 'FLUSH_SLAVE_TIMEOUT'],
  [ResponseCode.SLAVE_NOT_AVAILABLE, 'SLAVE_NOT_AVAILABLE'],
]);

/** A topic that brokers create on the first send gets its shape from this one. */
const topicOfTemplates = 'TBW102';
/** As clients ask. */
const templateQueues = 4;

export async function routeForSending(admin: Admin, topic: string): Promise<TopicRoute> {
  try {
    return await routeOf(admin, topic);
  } catch (error) {
    if (!isRefusal(error, ResponseCode.TOPIC_NOT_EXIST)) throw error;
    const template = await routeOf(admin, topicOfTemplates).catch(() => undefined);
    // No broker creates topics: then that this one does not exist is what to tell.
    if (template === undefined) throw error;
    const queues = template.queues.map((queue) => ({
      ...queue,
      writeQueues: Math.min(queue.writeQueues, templateQueues),
    }));
    return { ...template, queues };
  }
}

function chooseQueue(
  admin: Admin,
  route: TopicRoute,
  wanted: {
    readonly topic: string;
    readonly broker: string | undefined;
    readonly queue: number | undefined;
  },
): { readonly broker: string; readonly queueId: number } {
  const writable = route.queues.filter(
    ({ perm, broker }) =>
      (perm & Permission.WRITE) !== 0 && (wanted.broker === undefined || broker === wanted.broker),
  );
  const candidates = writable.flatMap(({ broker, writeQueues }) =>
    Array.from({ length: writeQueues }, (_, queueId) => ({ broker, queueId })).filter(
      ({ queueId }) => wanted.queue === undefined || queueId === wanted.queue,
    ),
  );
  const chosen = candidates[candidates.length === 0 ? 0 : admin.random.below(candidates.length)];
  if (chosen !== undefined) return chosen;
  const queue = wanted.queue === undefined ? 'queue' : `queue ${wanted.queue}`;
  const where = wanted.broker === undefined ? '' : ` on ${wanted.broker}`;
  throw new Failure('invalid', `${wanted.topic} has no ${queue}${where} that can be written to`);
}

function newUniqueKey(admin: Admin): string {
  const chance = admin.random.bytes(10);
  const view = new DataView(chance.buffer, chance.byteOffset, chance.byteLength);
  const source = {
    address: chance.subarray(0, 4),
    processId: view.getUint16(4),
    chance: view.getInt32(6),
  };
  return createUniqueId(source, sinceMonthBegan(admin.clock.now()), 0);
}

const dayMs = 86_400_000;

/** In UTC. Source of the arithmetic: Howard Hinnant, "chrono-compatible low-level date algorithms". */
function sinceMonthBegan(now: number): number {
  const day = Math.floor(now / dayMs) + 719_468; // Since 0000-03-01.
  const dayOfEra = day % 146_097;
  const leapDays =
    Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const month = Math.floor((5 * dayOfYear + 2) / 153);
  const dayOfMonth = dayOfYear - Math.floor((153 * month + 2) / 5);
  return dayOfMonth * dayMs + (now % dayMs);
}
