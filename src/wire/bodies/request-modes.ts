/** How consumers get their messages. */
import { type BodyOf, body, listOf } from '../schema/body.ts';
import { int, oneOf, optional, text, withDefault } from '../schema/kinds.ts';
import { messageModel } from './clients.ts';
import { MessageQueue } from './message-queue.ts';

const requestMode = oneOf('PULL', 'POP');

/** SET_MESSAGE_REQUEST_MODE (401). Source: `SetMessageRequestModeRequestBody`. */
export const MessageRequestMode = body('SetMessageRequestModeRequestBody', {
  consumerGroup: text,
  mode: withDefault(requestMode, 'PULL'),
  /** In POP mode, with how many others a consumer shares its queues. */
  popShareQueueNum: withDefault(int, 0),
  topic: text,
});
export type MessageRequestMode = BodyOf<typeof MessageRequestMode>;

/** QUERY_ASSIGNMENT (400). Source: `QueryAssignmentRequestBody`. */
export const QueryAssignment = body('QueryAssignmentRequestBody', {
  clientId: text,
  consumerGroup: text,
  messageModel: withDefault(messageModel, 'CLUSTERING'),
  /** A name of RocketMQ: AVG, AVG_BY_CIRCLE. */
  strategyName: withDefault(text, 'AVG'),
  topic: text,
});
export type QueryAssignment = BodyOf<typeof QueryAssignment>;

/** Source: `MessageQueueAssignment`. */
export const MessageQueueAssignment = body('MessageQueueAssignment', {
  messageQueue: MessageQueue,
  mode: requestMode,
});
export type MessageQueueAssignment = BodyOf<typeof MessageQueueAssignment>;

/** Answer to 400. Source: `QueryAssignmentResponseBody`. */
export const QueryAssignmentResponse = body('QueryAssignmentResponseBody', {
  messageQueueAssignments: optional(listOf(MessageQueueAssignment)),
});
export type QueryAssignmentResponse = BodyOf<typeof QueryAssignmentResponse>;
