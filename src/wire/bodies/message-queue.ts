import { type BodyOf, body } from '../schema/body.ts';
import { int, text } from '../schema/kinds.ts';

/** One queue of a topic at one broker group; also the key of many maps. Source: `MessageQueue`. */
export const MessageQueue = body('MessageQueue', { brokerName: text, queueId: int, topic: text });
export type MessageQueue = BodyOf<typeof MessageQueue>;
