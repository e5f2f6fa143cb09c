import { strict as assert } from 'node:assert';
import { type Frame, request } from './frames.ts';
import { eventually } from './waiting.ts';
import type { World } from './world.ts';

/** Topics and groups as an administrator defines them, for clients without an administration of their own. */
const createTopic = 17;
const getConsumerList = 38;
const getRoute = 105;
const createGroup = 200;

export const readOnly = 4;
export const writeOnly = 2;
export const readAndWrite = 6;

export interface TopicDefinition {
  readonly topic: string;
  readonly readQueues?: number;
  readonly writeQueues?: number;
  readonly perm?: number;
}

/** Defines a topic anew, and waits until clients can learn of it. */
export async function defineTopic(
  world: World,
  { topic, readQueues = 4, writeQueues = 4, perm = readAndWrite }: TopicDefinition,
): Promise<void> {
  const wanted = { readQueueNums: readQueues, writeQueueNums: writeQueues, perm };
  const others = { defaultTopic: 'TBW102', topicFilterType: 'SINGLE_TAG', topicSysFlag: 0 };
  await succeed(world, createTopic, { topic, ...wanted, ...others, order: false });
  await eventually(world.patienceMs, `route of ${topic}`, async () => {
    const { header, body } = await request(world.nameServer, getRoute, { topic });
    if (header.code !== 0) return undefined;
    const { queueDatas } = JSON.parse(Buffer.from(body).toString()) as {
      queueDatas: readonly Record<string, unknown>[];
    };
    const [queues] = queueDatas;
    return Object.entries(wanted).every(([name, value]) => queues?.[name] === value) || undefined;
  });
}

/** Fields of RocketMQ's SubscriptionGroupConfig; what is not given has RocketMQ's default. */
export interface GroupDefinition {
  readonly groupName: string;
  readonly consumeEnable?: boolean;
  readonly consumeFromMinEnable?: boolean;
  readonly consumeBroadcastEnable?: boolean;
  readonly consumeMessageOrderly?: boolean;
  readonly retryQueueNums?: number;
  readonly retryMaxTimes?: number;
}

export async function defineGroup(world: World, definition: GroupDefinition): Promise<void> {
  await succeed(world, createGroup, {}, Buffer.from(JSON.stringify(definition)));
}

/** Ids of the clients that consume for a group. */
export async function membersOf(world: World, consumerGroup: string): Promise<readonly string[]> {
  const { header, body } = await request(world.broker, getConsumerList, { consumerGroup });
  if (header.code !== 0) return [];
  return (JSON.parse(Buffer.from(body).toString()) as { consumerIdList: string[] }).consumerIdList;
}

export async function succeed(
  world: World,
  code: number,
  fields: Readonly<Record<string, unknown>>,
  body: Uint8Array = new Uint8Array(),
): Promise<Frame> {
  const texts = Object.entries(fields).map(([name, value]) => [name, String(value)]);
  const response = await request(world.broker, code, Object.fromEntries(texts), body);
  assert.equal(response.header.code, 0, `response to ${code}: ${response.header.remark}`);
  return response;
}
