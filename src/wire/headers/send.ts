/** Sending: SEND_MESSAGE (10), SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320), CONSUMER_SEND_MSG_BACK (36). */
import type { PhysicalOffset, QueueOffset, TimestampMs } from '../../base/index.ts';
import { type ExtSource, field, type HeaderOf, header } from '../schema/header.ts';
import { bool, int, long, optional, text } from '../schema/kinds.ts';

type Names = Readonly<Record<keyof typeof sendMessageKeys, string>>;

/** Our name of each field: its long wire key (10, 324) and its one-letter key (310, 320, 325). */
const sendMessageKeys = {
  producerGroup: ['producerGroup', 'a'],
  topic: ['topic', 'b'],
  defaultTopic: ['defaultTopic', 'c'],
  defaultTopicQueueNums: ['defaultTopicQueueNums', 'd'],
  queueId: ['queueId', 'e'],
  sysFlag: ['sysFlag', 'f'],
  bornTimestamp: ['bornTimestamp', 'g'],
  flag: ['flag', 'h'],
  properties: ['properties', 'i'],
  reconsumeTimes: ['reconsumeTimes', 'j'],
  unitMode: ['unitMode', 'k'],
  maxReconsumeTimes: ['maxReconsumeTimes', 'l'],
  batch: ['batch', 'm'],
  brokerName: ['bname', 'n'],
} as const;

function namesOf(version: 0 | 1): Names {
  return Object.fromEntries(
    Object.entries(sendMessageKeys).map(([property, keys]) => [property, keys[version]]),
  ) as Names;
}

function sendMessageFields(keys: Names) {
  return {
    producerGroup: field(keys.producerGroup, text),
    topic: field(keys.topic, text),
    /** Template for a topic that does not exist yet. */
    defaultTopic: field(keys.defaultTopic, text),
    defaultTopicQueueNums: field(keys.defaultTopicQueueNums, int),
    /** Below 0 the broker chooses. */
    queueId: field(keys.queueId, int),
    sysFlag: field(keys.sysFlag, int),
    bornTimestamp: field(keys.bornTimestamp, long<TimestampMs>()),
    /** The user's own, stored untouched. */
    flag: field(keys.flag, int),
    properties: field(keys.properties, optional(text)),
    reconsumeTimes: field(keys.reconsumeTimes, optional(int)),
    unitMode: field(keys.unitMode, optional(bool)),
    maxReconsumeTimes: field(keys.maxReconsumeTimes, optional(int)),
    /** The body holds several messages (`decodeBatch`). */
    batch: field(keys.batch, optional(bool)),
    brokerName: field(keys.brokerName, optional(text)),
  };
}

/** Long names. Source: `SendMessageRequestHeader`. */
export const SendMessageV1 = header('SendMessageV1', sendMessageFields(namesOf(0)));
/** One-letter names. Source: `SendMessageRequestHeaderV2`. */
export const SendMessageV2 = header('SendMessageV2', sendMessageFields(namesOf(1)));
/** What both say. */
export type SendMessage = HeaderOf<typeof SendMessageV2>;

/** The names are told apart by the command itself, as clients mix codes and names. */
export function decodeSendMessage(command: ExtSource): SendMessage {
  return (command.text('a') === undefined ? SendMessageV1 : SendMessageV2).decode(command);
}

/** Source: `SendMessageResponseHeader`. */
export const SendMessageResponse = header('SendMessageResponse', {
  /** Offset message id; of a batch, one per message, joined by commas. */
  msgId: field('msgId', text),
  queueId: field('queueId', int),
  queueOffset: field('queueOffset', long<QueueOffset>()),
  transactionId: field('transactionId', optional(text)),
  batchUniqId: field('batchUniqId', optional(text)),
  recallHandle: field('recallHandle', optional(text)),
  regionId: field('MSG_REGION', optional(text)),
  traceOn: field('TRACE_ON', optional(bool)),
});
export type SendMessageResponse = HeaderOf<typeof SendMessageResponse>;

/** CONSUMER_SEND_MSG_BACK (36). Source: `ConsumerSendMsgBackRequestHeader`. */
export const ConsumerSendMsgBack = header('ConsumerSendMsgBack', {
  offset: field('offset', long<PhysicalOffset>()),
  group: field('group', text),
  /** 0: by the number of deliveries; below 0: to the dead letters at once. */
  delayLevel: field('delayLevel', int),
  originMsgId: field('originMsgId', optional(text)),
  originTopic: field('originTopic', optional(text)),
  unitMode: field('unitMode', optional(bool)),
  maxReconsumeTimes: field('maxReconsumeTimes', optional(int)),
});
export type ConsumerSendMsgBack = HeaderOf<typeof ConsumerSendMsgBack>;
