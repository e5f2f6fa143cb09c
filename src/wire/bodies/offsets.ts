/** Offsets of consumers. */
import type { QueueOffset, TimestampMs } from '../../base/index.ts';
import { type BodyOf, body, listOf, mapOf } from '../schema/body.ts';
import { double, int, long, optional, text, withDefault } from '../schema/kinds.ts';
import { MessageQueue } from './message-queue.ts';
import { DataVersion } from './topics.ts';

/** Source: `OffsetWrapper`. */
export const OffsetWrapper = body('OffsetWrapper', {
  brokerOffset: withDefault(long(), 0),
  consumerOffset: withDefault(long(), 0),
  /** Store time of the last message consumed. */
  lastTimestamp: withDefault(long<TimestampMs>(), 0 as TimestampMs),
  pullOffset: withDefault(long(), 0),
});
export type OffsetWrapper = BodyOf<typeof OffsetWrapper>;

/** Answer to GET_CONSUME_STATS (208). Source: `ConsumeStats`. */
export const ConsumeStats = body('ConsumeStats', {
  consumeTps: withDefault(double, 0),
  offsetTable: withDefault(mapOf(MessageQueue, OffsetWrapper), new Map()),
});
export type ConsumeStats = BodyOf<typeof ConsumeStats>;

/** Answer to GET_ALL_CONSUMER_OFFSET (43); keys are `topic@group`. Source: `ConsumerOffsetSerializeWrapper`. */
export const ConsumerOffsetSerializeWrapper = body('ConsumerOffsetSerializeWrapper', {
  dataVersion: optional(DataVersion),
  offsetTable: withDefault(mapOf(text, mapOf(int, long<QueueOffset>())), new Map()),
});
export type ConsumerOffsetSerializeWrapper = BodyOf<typeof ConsumerOffsetSerializeWrapper>;

/** Answer to GET_ALL_DELAY_OFFSET (45); by delay level. Source: `DelayOffsetSerializeWrapper`. */
export const DelayOffsetSerializeWrapper = body('DelayOffsetSerializeWrapper', {
  dataVersion: optional(DataVersion),
  offsetTable: withDefault(mapOf(int, long<QueueOffset>()), new Map()),
});
export type DelayOffsetSerializeWrapper = BodyOf<typeof DelayOffsetSerializeWrapper>;

/** Answer to INVOKE_BROKER_TO_RESET_OFFSET (222); RESET_CONSUMER_CLIENT_OFFSET (220). Source: `ResetOffsetBody`. */
export const ResetOffsetBody = body('ResetOffsetBody', {
  offsetTable: withDefault(mapOf(MessageQueue, long<QueueOffset>()), new Map()),
});
export type ResetOffsetBody = BodyOf<typeof ResetOffsetBody>;

/** Source: `MessageQueueForC`. */
export const MessageQueueForC = body('MessageQueueForC', {
  brokerName: text,
  offset: long<QueueOffset>(),
  queueId: int,
  topic: text,
});
export type MessageQueueForC = BodyOf<typeof MessageQueueForC>;

/** RESET_CONSUMER_CLIENT_OFFSET (220) when a tool in C++ asks for the reset. Source: `ResetOffsetBodyForC`. */
export const ResetOffsetBodyForC = body('ResetOffsetBodyForC', {
  offsetTable: withDefault(listOf(MessageQueueForC), []),
});
export type ResetOffsetBodyForC = BodyOf<typeof ResetOffsetBodyForC>;
