import type { GroupWanted, TopicWanted } from './definitions.ts';
import { forEach } from './parallel.ts';
import type { Writer } from './writer.ts';

const inFlight = 4;
const messagesEach = 4;

const topicOf = (index: number): TopicWanted => ({
  queues: 1 + (index % 4),
  perm: 6,
  messageType: index % 2 === 0 ? 'NORMAL' : '',
});
const changedTopicOf = (index: number): TopicWanted => ({
  queues: 5 + (index % 3),
  perm: 6,
  messageType: 'FIFO',
});
const groupOf = (index: number): GroupWanted => ({
  retryMaxTimes: 3 + (index % 5),
  consumeEnable: true,
});
const changedGroupOf = (index: number): GroupWanted => ({
  retryMaxTimes: 20 + index,
  consumeEnable: index % 2 === 0,
});

/**
 * `count` topics (half with attributes) and groups with messages and offsets. Of each six, one topic is changed, one
 * group is changed, one topic is deleted, one group is deleted, one offset is committed again and reset, and one topic
 * is deleted and made again in another form.
 */
export async function workOn(writer: Writer, prefix: string, count = 50): Promise<void> {
  const indexes = Array.from({ length: count }, (_, index) => index);
  await forEach(indexes, inFlight, (index) => chain(writer, prefix, index));
}

async function chain(writer: Writer, prefix: string, index: number): Promise<void> {
  const topic = `${prefix}topic-${index}`;
  const group = `${prefix}group-${index}`;
  await writer.defineTopic(topic, topicOf(index));
  await writer.defineGroup(group, groupOf(index));
  for (let sent = 0; sent < messagesEach; sent += 1) await writer.send(topic, 0, `${sent}`);
  await writer.commitOffset(group, topic, 0, 2);
  switch (index % 6) {
    case 0:
      await writer.defineTopic(topic, changedTopicOf(index));
      break;
    case 1:
      await writer.defineGroup(group, changedGroupOf(index));
      break;
    case 2:
      await writer.deleteTopic(topic);
      break;
    case 3:
      await writer.deleteGroup(group);
      break;
    case 4:
      await writer.commitOffset(group, topic, 0, 4);
      await writer.resetOffset(group, topic, 0, 1);
      break;
    case 5:
      await writer.deleteTopic(topic);
      await writer.defineTopic(topic, changedTopicOf(index));
      await writer.send(topic, 0, 'anew');
      break;
  }
}

/**
 * Changes and deletes some of what `workOn` made with the same prefix. No commit follows a reset: it would be answered
 * with success and not be recorded until the consumer has seen the reset, as RocketMQ does.
 */
export async function changeSome(writer: Writer, prefix: string, count = 50): Promise<void> {
  const indexes = Array.from({ length: count }, (_, index) => index);
  await forEach(indexes, inFlight, async (index) => {
    const topic = `${prefix}topic-${index}`;
    const group = `${prefix}group-${index}`;
    if (index % 6 === 0) await writer.deleteTopic(topic);
    if (index % 6 === 1) await writer.deleteGroup(group);
    if (index % 6 === 4) {
      await writer.defineTopic(topic, changedTopicOf(index));
      await writer.defineGroup(group, changedGroupOf(index));
    }
    if (index % 6 === 5) await writer.commitOffset(group, topic, 0, 1);
  });
}
