import type { Address, Network } from '../../../src/base/index.ts';
import {
  encodeCommand,
  FrameReader,
  type IncomingCommand,
  type LanguageName,
} from '../../../src/wire/index.ts';

export interface RecordedRequest {
  readonly code: number;
  readonly version: number;
  readonly language: LanguageName;
  readonly extFields: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface RecordedResponse {
  readonly code: number;
  readonly remark?: string;
  readonly extFields: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Exchange {
  readonly request: RecordedRequest;
  readonly response: RecordedResponse;
}

const java = { version: 479, language: 'JAVA' } as const;
/** Routes for versions before 401 are in fastjson's dialect. */
const go = { version: 317, language: 'GO' } as const;

const a0 = {
  clusterName: 'C1',
  brokerName: 'broker-a',
  brokerAddr: '10.0.0.1:10911',
  brokerId: '0',
};
const a1 = { ...a0, brokerAddr: '10.0.0.2:10911', brokerId: '1' };
const b0 = {
  clusterName: 'C2',
  brokerName: 'broker-b',
  brokerAddr: '10.0.0.3:10911',
  brokerId: '0',
};
const c2 = {
  clusterName: 'C2',
  brokerName: 'broker-c',
  brokerAddr: '10.0.0.4:10911',
  brokerId: '2',
};

function registrationBody(
  topics: Readonly<Record<string, object>>,
  { counter = 1, filterServers = [] as readonly string[], mappings = '{}' } = {},
): string {
  const table = Object.fromEntries(
    Object.entries(topics).map(([topicName, config]) => [topicName, { topicName, ...config }]),
  );
  return `{"filterServerList":${JSON.stringify(filterServers)},"topicConfigSerializeWrapper":{"dataVersion":{"counter":${counter},"stateVersion":0,"timestamp":1700000000000},"topicConfigTable":${JSON.stringify(table)},"topicQueueMappingInfoMap":${mappings}}}`;
}

const twoTopics = {
  T: { readQueueNums: 4, writeQueueNums: 4 },
  'U/ü': { perm: 4, topicSysFlag: 3 },
};
const mappings =
  '{"T":{"bname":"broker-a","currIdMap":{0:0,1:1},"dirty":false,"epoch":17,"scope":"__global__","topic":"T","totalQueues":2}}';

const routes = (topic: string): RecordedRequest[] => [
  { code: 105, ...java, extFields: { topic } },
  { code: 105, ...go, extFields: { topic } },
  { code: 105, ...go, extFields: { topic, acceptStandardJsonOnly: 'true' } },
];
const register = (broker: Record<string, string>, body: string): RecordedRequest => ({
  code: 103,
  ...java,
  extFields: { haServerAddr: `${broker['brokerAddr']?.split(':')[0]}:10912`, ...broker },
  body,
});
const plain = (
  code: number,
  extFields: Record<string, string> = {},
  body?: string,
): RecordedRequest => ({
  code,
  ...java,
  extFields,
  ...(body !== undefined && { body }),
});
const lists = [
  plain(106),
  plain(206),
  plain(224, { cluster: 'C1' }),
  plain(304),
  plain(311),
  plain(312),
  plain(313),
];

/** Requests on one connection, in this order, to a name server that has just been started. */
export const scenario: readonly RecordedRequest[] = [
  ...routes('T'),
  ...lists,
  plain(901, { clusterName: 'C1', brokerName: 'broker-a' }),
  plain(322, a0, '{"counter":1,"stateVersion":0,"timestamp":1700000000000}'),
  register({ ...a0, bodyCrc32: '5' }, registrationBody(twoTopics)),
  register(a0, registrationBody({ T: {} })),
  register(a0, registrationBody(twoTopics)),
  ...routes('T'),
  ...routes('U/ü'),
  ...lists,
  plain(322, a0, '{"counter":1,"stateVersion":0,"timestamp":1700000000000}'),
  plain(322, a0, '{"counter":2,"stateVersion":0,"timestamp":1700000000000}'),
  plain(904, { ...a0, epoch: '1', maxOffset: '5', heartbeatTimeoutMills: '1000' }),
  register(a1, registrationBody(twoTopics)),
  register(
    { ...a0, __ZONE_NAME: 'zone-1', enableActingMaster: 'false', heartbeatTimeoutMillis: '60000' },
    registrationBody(
      { ...twoTopics, V: {} },
      { counter: 2, filterServers: ['10.0.0.1:50000'], mappings },
    ),
  ),
  ...routes('T'),
  ...routes('V'),
  plain(105, { topic: 'V', __ZONE_MODE: 'true', __ZONE_NAME: 'ZONE-1' }),
  plain(105, { topic: 'V', __ZONE_MODE: 'true', __ZONE_NAME: 'zone-2' }),
  register({ ...c2, enableActingMaster: 'true' }, registrationBody({ X: {}, Y: {} })),
  ...routes('X'),
  plain(105, { topic: 'X', __ZONE_MODE: 'true', __ZONE_NAME: 'zone-2' }),
  plain(100, { namespace: 'ORDER_TOPIC_CONFIG', key: 'V', value: 'broker-a:16' }),
  ...routes('V'),
  register(b0, registrationBody({ T: { writeQueueNums: 0 }, W: { topicSysFlag: 2 } })),
  ...routes('T'),
  ...lists,
  plain(100, { namespace: 'N', key: 'k', value: 'v "ü"\n' }),
  plain(101, { namespace: 'N', key: 'k' }),
  plain(219, { namespace: 'N' }),
  plain(102, { namespace: 'N', key: 'k' }),
  plain(101, { namespace: 'N', key: 'k' }),
  plain(219, { namespace: 'N' }),
  plain(219, { namespace: 'never' }),
  plain(205, { brokerName: 'broker-a' }),
  ...routes('V'),
  plain(327, { brokerName: 'broker-a' }),
  ...routes('V'),
  plain(205, { brokerName: 'nobody' }),
  plain(216, { topic: 'T', clusterName: 'C2' }),
  ...routes('T'),
  plain(216, { topic: 'U/ü' }),
  ...routes('U/ü'),
  plain(
    217,
    { topic: 'U/ü' },
    '{"queueDatas":[{"brokerName":"broker-b","perm":6,"readQueueNums":8,"topicSysFlag":0,"writeQueueNums":8}]}',
  ),
  ...routes('U/ü'),
  plain(104, a1),
  plain(104, b0),
];

/** Sends the requests one after the other and returns the answers. */
export async function play(
  network: Network,
  to: Address,
  requests: readonly RecordedRequest[],
): Promise<RecordedResponse[]> {
  const responses: RecordedResponse[] = [];
  let answered: (response: RecordedResponse) => void = () => {};
  let failed: (error: Error) => void = () => {};
  const reader = new FrameReader();
  const connection = await network.connect(to, { timeoutMs: 3000 }, () => ({
    data: (bytes) => reader.push(bytes, (command) => answered(recorded(command))),
    drained() {},
    closed: () => failed(new Error('the name server closed the connection')),
  }));
  for (const [opaque, { code, version, language, extFields, body }] of requests.entries()) {
    const answer = new Promise<RecordedResponse>((resolve, reject) => {
      answered = resolve;
      failed = reject;
    });
    const bytes = body === undefined ? undefined : new TextEncoder().encode(body);
    connection.write(
      encodeCommand({ code, version, language, opaque, extFields, body: bytes, encoding: 'json' }),
    );
    responses.push(await answer);
  }
  connection.end();
  return responses;
}

function recorded(command: IncomingCommand): RecordedResponse {
  const { remark } = command;
  return {
    code: command.code,
    ...(remark !== undefined && { remark }),
    extFields: { ...command.extFields() },
    body: new TextDecoder().decode(command.body),
  };
}

/**
 * What two name servers must agree on. Java's maps and sets have an order of their own, so that bodies are compared as
 * their pieces, and the one address in a list of system topics is any broker's. Its remark beside a success says
 * nothing.
 */
export function comparable(response: RecordedResponse): object {
  const { remark, body, ...rest } = response;
  return {
    ...rest,
    remark: response.code === 0 ? undefined : remark,
    body: body
      .replace(/"brokerAddr":"[^"]*"/, '"brokerAddr":any')
      .split(/([,[\]{}])/)
      .sort()
      .join(' '),
  };
}
