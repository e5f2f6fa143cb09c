import assert from 'node:assert/strict';
import { deflateSync, inflateSync } from 'node:zlib';
import { isFailure } from '../../src/base/index.ts';
import {
  bodyCrc,
  checkRecord,
  decodeBatch,
  decodeOffsetMessageId,
  decodeProperties,
  decodeRegistrationBody,
  decodeSendMessage,
  decodeStoredMessages,
  encodeBatch,
  encodeCompressedRegisterBroker,
  encodeHost,
  encodeOffsetMessageId,
  encodeProperties,
  encodeStoredMessage,
  exchanges,
  FrameReader,
  findProperty,
  type IncomingCommand,
  PullMessage,
  PullMessageView,
  parseFastjson,
  RegisterBrokerBody,
  RequestCode,
  SendMessageView,
  storedMessageSize,
  tagsCode,
  writeFastjson,
  writeStandardJson,
} from '../../src/wire/index.ts';
import type { SimRandom } from '../sim/ports/index.ts';
import { capturedFrames, commandsIn } from './corpus.ts';

/** Something that reads bytes of strangers. */
export interface Decoder {
  readonly name: string;
  readonly corpus: readonly Uint8Array[];
  /** It makes something of any bytes. */
  readonly takesAll?: boolean;
  /** May throw `Failure` of the kinds `invalid` and `corrupt`; everything else is a finding. */
  decode(bytes: Uint8Array, random: SimRandom): void;
}

/** Runs it; false when the bytes were refused. Throws what is a finding. */
export function accepts(decoder: Decoder, bytes: Uint8Array, random: SimRandom): boolean {
  try {
    decoder.decode(bytes, random);
    return true;
  } catch (error) {
    if (isFailure(error, 'invalid') || isFailure(error, 'corrupt')) return false;
    throw error;
  }
}

/** Its body has forms of its own. */
const registerBroker = RequestCode.REGISTER_BROKER;
const frames = capturedFrames();
const commands = frames.flatMap(commandsIn);
const jsonBodies = commands.map(({ body }) => body).filter(([first]) => first === 0x7b);
const bodySchemas = [
  ...new Set(
    [...exchanges.values()].flatMap(({ requestBody, responseBody }) => [requestBody, responseBody]),
  ),
].filter((format) => typeof format === 'object');

const encoder = new TextEncoder();
const someProperties = encodeProperties(
  new Map([
    ['KEYS', 'a b'],
    ['TAGS', 'x'],
    ['UNIQ_KEY', 'AC11000100001B8B00000000'],
    ['é', '€'],
  ]),
);

function someRecords(): Uint8Array {
  const parts = ['127.0.0.1', '::1'].map((host, i) => {
    const body = encoder.encode('body'.repeat(1 + 20 * i));
    const topic = encoder.encode(i === 0 ? 'T' : 'L'.repeat(200));
    const address = encodeHost({ host, port: 10911 });
    const isV6 = i === 1;
    const size = storedMessageSize(topic.length, someProperties.length, body.length, isV6, isV6);
    const record = new Uint8Array(size);
    encodeStoredMessage(record, new DataView(record.buffer), 0, {
      queueId: i,
      flag: 0,
      queueOffset: i,
      physicalOffset: 4096 * i,
      sysFlag: 0,
      bornTimestamp: 1_700_000_000_000,
      bornHost: address,
      storeTimestamp: 1_700_000_000_001,
      storeHost: address,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body,
      bodyCrc: bodyCrc(body),
      topic,
      properties: someProperties,
      propertiesLength: someProperties.length,
    });
    return record;
  });
  return Uint8Array.from(Buffer.concat(parts));
}

/** Reads everything that a command can be asked for, by name and by schema. */
function readCommand(command: IncomingCommand): void {
  void [command.language, command.remark, command.isOneway, command.has('topic'), command.body];
  const fields = command.extFields();
  for (const [key, text] of Object.entries(fields)) {
    // Keys are looked for as bytes: all that exist are ASCII.
    if (/^[\x20-\x7e]*$/.test(key)) assert.equal(command.text(key), text, key);
  }
  if (command.isResponse) return;
  const exchange = exchanges.get(command.code);
  exchange?.request?.decode(command);
  if (typeof exchange?.requestBody === 'object' && command.code !== registerBroker) {
    exchange.requestBody.decode(command.body);
  }
}

const sendView = new SendMessageView();
const pullView = new PullMessageView();

/** What a view accepts, the full decoder reads as the same. */
function compareViews(command: IncomingCommand): void {
  if (sendView.read(command)) {
    const { topic, queueId, sysFlag, bornTimestamp, flag } = decodeSendMessage(command);
    assert.deepEqual(
      [sendView.topic, sendView.queueId, sendView.sysFlag, sendView.bornTimestamp, sendView.flag],
      [topic, queueId, sysFlag, bornTimestamp, flag],
    );
  }
  if (pullView.read(command)) {
    const { topic, queueId, queueOffset, subscription } = PullMessage.decode(command);
    assert.deepEqual(
      [pullView.topic, pullView.queueId, pullView.queueOffset, pullView.subscription],
      [topic, queueId, queueOffset, subscription],
    );
  }
}

export const decoders: readonly Decoder[] = [
  {
    name: 'frames and headers',
    corpus: frames,
    decode(bytes, random) {
      const reader = new FrameReader();
      const failures: unknown[] = [];
      const onFrame = (command: IncomingCommand): void => {
        for (const read of [readCommand, compareViews]) {
          try {
            read(command);
          } catch (error) {
            failures.push(error);
          }
        }
      };
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + 1 + random.below(random.chance(0.5) ? 7 : 4096));
        reader.push(bytes.subarray(at, end), onFrame);
        at = end;
      }
      // A frame that announces much must not cost much before it has come.
      assert(reader.pendingBytes <= bytes.length);
      const finding = failures.find((failure) => !isFailure(failure, 'invalid'));
      if (finding !== undefined) throw finding;
      if (failures.length > 0) throw failures[0];
    },
  },
  {
    name: 'JSON in both dialects',
    corpus: [
      ...jsonBodies,
      ...[
        '{1:2,"a":[{"b":1},{"$ref":"$.a[0]"}]}',
        '{\'a\':{{"b":1}:2},}',
        '[1,2.5,-3e4,null,true]',
      ].map((text) => encoder.encode(text)),
    ],
    decode(bytes) {
      const value = parseFastjson(bytes);
      // What it writes it reads, and writes the same again.
      const written = writeFastjson(value);
      assert.equal(writeFastjson(parseFastjson(written)), written);
      JSON.parse(writeStandardJson(value));
    },
  },
  {
    name: 'bodies of all requests and answers',
    corpus: jsonBodies,
    decode(bytes, random) {
      const schema = bodySchemas[random.below(bodySchemas.length)];
      if (schema === undefined) return;
      const value = schema.decode(bytes);
      const written = schema.encode(value);
      assert.deepEqual(schema.encode(schema.decode(written)), written, schema.name);
    },
  },
  {
    name: 'registrations of brokers',
    corpus: commands.filter(({ code }) => code === registerBroker).map(({ body }) => body),
    decode(bytes, random) {
      decodeRegistrationBody(bytes, [0, 37, 401, 479][random.below(4)] ?? 0);
    },
  },
  {
    name: 'registrations of brokers, compressed',
    corpus: commands
      .filter(({ code, body }) => code === registerBroker && body[0] === 0x7b)
      .map(({ body }) => encodeCompressedRegisterBroker(RegisterBrokerBody.decode(body)))
      .map((compressed) => Uint8Array.from(inflateSync(compressed))),
    decode(bytes, random) {
      const compressed = Uint8Array.from(deflateSync(bytes));
      if (random.chance(0.1)) compressed[random.below(compressed.length)] = random.below(256);
      decodeRegistrationBody(compressed, random.chance(0.5) ? 401 : 479);
    },
  },
  {
    name: 'stored messages',
    corpus: [someRecords()],
    decode(bytes, random) {
      const at = random.below(bytes.length + 1);
      const check = checkRecord(bytes, at, bytes.length - at, random.below(8192));
      if (check.type === 'record') assert(check.size <= bytes.length - at);
      decodeStoredMessages(bytes);
    },
  },
  {
    name: 'batches',
    corpus: [
      encodeBatch(
        ['one', 'two', ''].map((text, flag) => ({
          flag,
          body: encoder.encode(text),
          properties: someProperties,
        })),
      ),
    ],
    decode(bytes) {
      const messages = decodeBatch(bytes);
      assert.equal(encodeBatch(messages).length, bytes.length);
    },
  },
  {
    name: 'properties',
    takesAll: true,
    corpus: [someProperties],
    decode(bytes) {
      for (const [name, value] of decodeProperties(bytes)) {
        // Names are looked for as bytes, so that only ASCII ones are found.
        if (!/^[\x20-\x7e]+$/.test(name)) continue;
        const found = findProperty(bytes, 0, bytes.length, name);
        assert(found);
        const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(
          bytes.subarray(found.start, found.end),
        );
        assert.equal(text, value);
        tagsCode(bytes, found.start, found.end);
      }
    },
  },
  {
    name: 'ids of messages',
    corpus: ['7F00000100002A9F0000000000001000', `${'0'.repeat(30)}0100002A9F0000000000001000`].map(
      (text) => encoder.encode(text),
    ),
    decode(bytes) {
      const id = new TextDecoder().decode(bytes);
      const { host, physicalOffset } = decodeOffsetMessageId(id);
      assert.equal(encodeOffsetMessageId(encodeHost(host), physicalOffset), id.toUpperCase());
    },
  },
];
