import type { TestClient } from '../../../src/broker/test-broker.ts';
import {
  GetTopic,
  GroupName,
  RequestCode,
  ResponseCode,
  SubscriptionGroupConfig,
  TopicConfig,
} from '../../../src/wire/index.ts';
import { Violation } from '../broker/violation.ts';

/** Definitions as a tool reads them. */
export const ReadTopicConfig = {
  async queues(client: TestClient, topic: string): Promise<number | 'absent'> {
    const response = await client.ask({
      code: RequestCode.GET_TOPIC_CONFIG,
      header: [GetTopic, { topic }],
    });
    if (response.code === ResponseCode.SUCCESS)
      return TopicConfig.decode(response.body).writeQueueNums;
    if (response.code === ResponseCode.TOPIC_NOT_EXIST) return 'absent';
    throw new Violation('P1', `topic ${topic} cannot be read: ${response.remark}`);
  },

  async group(client: TestClient, group: string): Promise<number | 'absent'> {
    const response = await client.ask({
      code: RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG,
      header: [GroupName, { group }],
    });
    if (response.code !== ResponseCode.SUCCESS) return 'absent';
    return SubscriptionGroupConfig.decode(response.body).groupName === group ? 1 : 'absent';
  },
};
