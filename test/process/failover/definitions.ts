/** Topics and groups as they are asked for, and their contents as text that tells whether two are equal. */
export interface TopicWanted {
  readonly queues: number;
  readonly perm: number;
  /** Empty: none. */
  readonly messageType: string;
}

export interface GroupWanted {
  readonly retryMaxTimes: number;
  readonly consumeEnable: boolean;
}

const messageType = 'message.type';

export const topicText = ({ queues, perm, messageType: type }: TopicWanted): string =>
  `queues ${queues}, perm ${perm}, type ${type}`;

export const groupText = ({ retryMaxTimes, consumeEnable }: GroupWanted): string =>
  `retries ${retryMaxTimes}, enabled ${consumeEnable}`;

export const topicFields = (topic: string, wanted: TopicWanted) => ({
  topic,
  defaultTopic: 'TBW102',
  readQueueNums: wanted.queues,
  writeQueueNums: wanted.queues,
  perm: wanted.perm,
  topicFilterType: 'SINGLE_TAG',
  topicSysFlag: 0,
  order: false,
  ...(wanted.messageType !== '' && { attributes: `+${messageType}=${wanted.messageType}` }),
});

export const groupBody = (groupName: string, wanted: GroupWanted): Uint8Array =>
  Buffer.from(JSON.stringify({ groupName, retryQueueNums: 1, ...wanted }));

interface TopicConfig {
  readonly writeQueueNums: number;
  readonly perm: number;
  readonly attributes?: Readonly<Record<string, string>>;
}

export function textOfTopic(config: TopicConfig): string {
  const { writeQueueNums: queues, perm, attributes } = config;
  return topicText({ queues, perm, messageType: attributes?.[messageType] ?? '' });
}

export const textOfGroup = (config: GroupWanted): string => groupText(config);
