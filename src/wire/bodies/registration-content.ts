import { inflateSync } from 'node:zlib';
import { Failure } from '../../base/index.ts';
import { decodeText, readInt32 } from '../bytes.ts';
import { Version } from '../codes.ts';
import { parseFastjson } from '../json/parse.ts';
import type { JsonValue } from '../json/value.ts';
import { TopicQueueMappingInfo } from './routes.ts';
import { DataVersion } from './topics.ts';

/** What a name server needs to know of a topic on one broker group. */
export interface TopicQueues {
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly perm: number;
  readonly topicSysFlag: number;
}

export interface QueueMapping {
  readonly brokerName: string;
  readonly value: TopicQueueMappingInfo;
}

/** The body of a registration, as a name server reads it: without building a configuration for each topic. */
export interface RegistrationContent {
  readonly dataVersion: DataVersion;
  readonly topics: ReadonlyMap<string, TopicQueues>;
  /** Static topics: topic to the mapping of one broker, passed through as it came. */
  readonly mappings: ReadonlyMap<string, QueueMapping>;
  /** `undefined` leaves those of before. */
  readonly filterServers: readonly string[] | undefined;
}

/** What a compressed body may unfold to: some 500,000 topics. */
const maxInflatedBytes = 64 * 1024 * 1024;

/** First byte of every zlib stream that Java writes. */
const zlibMark = 0x78;

const noVersion: DataVersion = { stateVersion: 0, timestamp: 0, counter: 0 };

/**
 * The body of REGISTER_BROKER: JSON, or the same compressed in a form of its own. The Java broker compresses with
 * `compressedRegister` and says in the header that it did not, so that the first byte decides. Throws
 * `Failure('invalid')`. Source: `RegisterBrokerBody`, `TopicConfigSerializeWrapper`.
 */
export function decodeRegistrationBody(body: Uint8Array, version: number): RegistrationContent {
  if (body.length === 0) {
    return { dataVersion: noVersion, topics: new Map(), mappings: new Map(), filterServers: [] };
  }
  if (body[0] === zlibMark) return decodeCompressed(inflate(body), version);
  const value = objectOf(parseJson(body));
  // Before 3.0.11 the body was the topic table alone.
  if (version < Version.V3_0_11) return decodeWrapper(value, undefined);
  const servers = value['filterServerList'];
  return decodeWrapper(
    objectOf(value['topicConfigSerializeWrapper']),
    Array.isArray(servers) ? servers.filter((server) => typeof server === 'string') : [],
  );
}

type JsonFields = Readonly<Record<string, JsonValue>>;

function decodeWrapper(
  wrapper: JsonFields,
  filterServers: readonly string[] | undefined,
): RegistrationContent {
  const topics = new Map<string, TopicQueues>();
  for (const [topic, config] of Object.entries(objectOf(wrapper['topicConfigTable']))) {
    const fields = objectOf(config);
    topics.set(topic, {
      readQueueNums: integerOf(fields['readQueueNums'], 16),
      writeQueueNums: integerOf(fields['writeQueueNums'], 16),
      perm: integerOf(fields['perm'], 6),
      topicSysFlag: integerOf(fields['topicSysFlag'], 0),
    });
  }
  const mappings = new Map<string, QueueMapping>();
  for (const [topic, mapping] of Object.entries(objectOf(wrapper['topicQueueMappingInfoMap']))) {
    mappings.set(topic, mappingOf(objectOf(mapping)));
  }
  const dataVersion = DataVersion.fromJson(wrapper['dataVersion'] ?? {}, 'registration');
  return { dataVersion, topics, mappings, filterServers };
}

/**
 * ```
 * length 4 | DataVersion JSON | topics 4 | (length 4 | name read write perm filterType attributes)...
 * length 4 | filter servers JSON | from 5.0: mappings 4 | (length 4 | mapping JSON)...
 * ```
 */
function decodeCompressed(bytes: Uint8Array, version: number): RegistrationContent {
  let at = 0;
  const number = (): number => {
    if (at + 4 > bytes.length) throw cutOff(at);
    at += 4;
    return readInt32(bytes, at - 4);
  };
  const text = (): string => {
    const length = number();
    if (length < 0 || length > bytes.length - at) throw cutOff(at);
    at += length;
    return decodeText(bytes, at - length, at);
  };
  const dataVersion = DataVersion.decode(text());
  const topics = new Map<string, TopicQueues>();
  for (let left = number(); left > 0; left--) {
    const [name, read, write, perm] = text().split(' ');
    const queues = {
      readQueueNums: Number(read),
      writeQueueNums: Number(write),
      perm: Number(perm),
      topicSysFlag: 0,
    };
    if (!name || !Object.values(queues).every(Number.isInteger)) {
      throw new Failure('invalid', `registration: topic "${name}" is malformed`);
    }
    topics.set(name, queues);
  }
  const servers = parseJson(text());
  const filterServers = Array.isArray(servers)
    ? servers.filter((server) => typeof server === 'string')
    : [];
  const mappings = new Map<string, QueueMapping>();
  if (version >= Version.V5_0_0) {
    for (let left = number(); left > 0; left--) {
      const fields = objectOf(parseJson(text()));
      const topic = fields['topic'];
      if (typeof topic === 'string') mappings.set(topic, mappingOf(fields));
    }
  }
  return { dataVersion, topics, mappings, filterServers };
}

function inflate(body: Uint8Array): Uint8Array {
  try {
    return inflateSync(body, { maxOutputLength: maxInflatedBytes });
  } catch (cause) {
    throw new Failure('invalid', 'registration: the compressed body is malformed', { cause });
  }
}

/** The platform's parser is several times faster; it fails for the rare bodies with static topics. */
function parseJson(source: Uint8Array | string): JsonValue {
  const json = typeof source === 'string' ? source : decodeText(source, 0, source.length);
  if (!json.includes('"$ref"')) {
    try {
      return JSON.parse(json);
    } catch {
      // Not standard JSON; the tolerant parser says whether it is anything.
    }
  }
  return parseFastjson(json);
}

function mappingOf(fields: JsonFields): QueueMapping {
  const value = TopicQueueMappingInfo.fromJson(fields, 'registration');
  if (value.bname === undefined) {
    throw new Failure('invalid', 'registration: a static topic without a broker name');
  }
  return { brokerName: value.bname, value };
}

function objectOf(value: JsonValue | undefined): JsonFields {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new Failure('invalid', 'registration: not the JSON that is expected');
  }
  return value as JsonFields;
}

function integerOf(value: JsonValue | undefined, absent: number): number {
  if (value === undefined || value === null) return absent;
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new Failure('invalid', `registration: "${value}" is not a whole number`);
  }
  return number;
}

function cutOff(at: number): Failure {
  return new Failure('invalid', `registration: the body is cut off at byte ${at}`);
}
