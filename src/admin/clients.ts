import { formatAddress } from '../base/index.ts';
import { ConsumerGroup, RequestCode, ResponseCode } from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { type Master, mastersOf, skipUnreachable } from './cluster.ts';
import { fields } from './field-types.ts';
import { groupTableOn } from './groups.ts';
import { JsonReader } from './json-reader.ts';
import { many, operation } from './operation.ts';
import { isRefusal } from './refusal.ts';
import * as shape from './shape.ts';
import { isUserGroup } from './system-names.ts';

const Client = shape.record({
  /** `producer` or `consumer`. */
  role: shape.text,
  group: shape.text,
  clientId: shape.text,
  address: shape.text,
  language: shape.text,
  version: shape.text,
  /** Broker groups that it is connected to. */
  brokers: shape.list(shape.text),
  /** Of a consumer: `CLUSTERING` or `BROADCASTING`. */
  messageModel: shape.maybe(shape.text),
  /** Of a consumer, as its group last told the broker. */
  subscriptions: shape.list(
    shape.record({ topic: shape.text, expression: shape.text, expressionType: shape.text }),
  ),
});
export type Client = shape.ShapeOf<typeof Client>;

export const listClients = operation({
  name: 'client ls',
  summary: 'List the producers and consumers that are connected.',
  effect: 'read',
  requests: [
    'GET_BROKER_CLUSTER_INFO',
    'GET_ALL_SUBSCRIPTIONGROUP_CONFIG',
    'GET_CONSUMER_CONNECTION_LIST',
    'GET_ALL_PRODUCER_INFO',
  ],
  fields: {
    group: many(fields.text, 'Only clients of this group.', { valueName: 'name', names: 'group' }),
  },
  output: shape.list(Client),
  async run(admin, { group: wanted }) {
    const clients = new Map<string, Client>();
    const add = (client: Client): void => {
      const key = [client.role, client.group, client.clientId].join(' ');
      const known = clients.get(key);
      const brokers = [...(known?.brokers ?? []), ...client.brokers];
      clients.set(key, { ...client, brokers });
    };
    for (const master of await mastersOf(admin, {})) {
      try {
        const names = (await groupTableOn(admin, master)).map(([name]) => name).filter(isUserGroup);
        const groups = wanted.length === 0 ? names : wanted;
        const found = await Promise.all(groups.map((group) => consumersOn(admin, master, group)));
        for (const consumer of found.flat()) add(consumer);
        for (const producer of await producersOn(admin, master)) {
          if (wanted.length === 0 || wanted.includes(producer.group)) add(producer);
        }
      } catch (error) {
        skipUnreachable(error);
      }
    }
    return [...clients.entries()].sort().map(([, client]) => client);
  },
});

export async function consumersOn(
  admin: Admin,
  { name, address }: Master,
  group: string,
): Promise<readonly Client[]> {
  try {
    const response = await admin.call(address, {
      code: RequestCode.GET_CONSUMER_CONNECTION_LIST,
      header: [ConsumerGroup, { consumerGroup: group }],
    });
    const consumers = JsonReader.parse(response.body, 'ConsumerConnection');
    const subscriptions = consumers
      .at('subscriptionTable')
      .entries()
      .map(([topic, subscription]) => ({
        topic,
        expression: subscription.at('subString').text('*'),
        expressionType: subscription.at('expressionType').text('TAG'),
      }));
    return consumers
      .at('connectionSet')
      .items()
      .map((connection) => ({
        role: 'consumer',
        group,
        clientId: connection.at('clientId').text(),
        address: connection.at('clientAddr').text(),
        language: connection.at('language').text(),
        version: versionText(connection.at('version').number()),
        brokers: [name],
        messageModel: consumers.at('messageModel').text(),
        subscriptions,
      }));
  } catch (error) {
    if (isRefusal(error, ResponseCode.CONSUMER_NOT_ONLINE, ...cannotTell)) return [];
    throw error;
  }
}

async function producersOn(admin: Admin, { name, address }: Master): Promise<readonly Client[]> {
  try {
    const response = await admin.call(address, { code: RequestCode.GET_ALL_PRODUCER_INFO });
    const groups = JsonReader.parse(response.body, 'ProducerTableInfo').at('data').entries();
    return groups.flatMap(([group, producers]) =>
      producers.items().map((producer) => ({
        role: 'producer',
        group,
        clientId: producer.at('clientId').text(),
        address: producer.at('remoteIP').text(formatAddress(address)),
        language: producer.at('language').text(),
        version: versionText(producer.at('version').number()),
        brokers: [name],
        messageModel: undefined,
        subscriptions: [],
      })),
    );
  } catch (error) {
    if (isRefusal(error, ...cannotTell)) return [];
    throw error;
  }
}

/** A broker that cannot tell does not keep the rest from being shown. */
const cannotTell = [ResponseCode.REQUEST_CODE_NOT_SUPPORTED] as const;

/** Ordinals of `MQVersion`: from 4.0.0 on ten patches to a minor and ten minors to a major, each with a snapshot before it. */
export function versionText(ordinal: number): string {
  if (ordinal < 212) return '3.x';
  const number = (ordinal - 212) >> 1;
  const digits = [4 + Math.floor(number / 100), Math.floor(number / 10) % 10, number % 10];
  return `${digits.join('.')}${ordinal % 2 === 0 ? '-SNAPSHOT' : ''}`;
}
