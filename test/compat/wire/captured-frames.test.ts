/**
 * Frames that real Java programs sent (see capture/): each is decoded by its schemas, and written again to the same
 * bytes.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeError } from '../../../src/base/index.ts';
import {
  type BodyFormat,
  decodeBatch,
  decodeRegistrationBody,
  decodeSendMessage,
  decodeStoredMessages,
  encodeCommand,
  encodeCompressedRegisterBroker,
  exchanges,
  FrameReader,
  type Header,
  type IncomingCommand,
  type JsonValue,
  languageCodeOf,
  languageNames,
  ownVersion,
  PullMessageView,
  parseFastjson,
  RegisterBrokerBody,
  RequestCode,
  requestCodeName,
  SendMessageView,
} from '../../../src/wire/index.ts';

interface Capture {
  readonly source: string;
  readonly frames: readonly { readonly request: string; readonly answer?: string }[];
}

const folder = 'test/compat/wire';
const captures = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name): Capture => JSON.parse(readFileSync(join(folder, name), 'utf8')));

const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const toText = (bytes: Uint8Array) => Buffer.from(bytes).toString();

function read(frame: Uint8Array): IncomingCommand {
  const commands: IncomingCommand[] = [];
  new FrameReader().push(frame, (command) => commands.push(command));
  assert.equal(commands.length, 1);
  return commands[0]!;
}

/** Sent along with any request, or known and left to nobody: `force` of CreateTopic is ignored by Java brokers too. */
const notInSchemas = new Set(['bname', 'force']);

function checkHeader(command: IncomingCommand, schema: Header | undefined): void {
  const expected: Record<string, string> = {};
  for (const [key, text] of Object.entries(command.extFields())) {
    if (!notInSchemas.has(key)) expected[key] = text.toLowerCase();
  }
  const written: Record<string, string> = {};
  schema?.encode(schema.decode(command), (key, text) => {
    // `bname` stands in one schema, for the one-letter form.
    if (!notInSchemas.has(key)) written[key] = text.toLowerCase();
  });
  assert.deepEqual(written, expected, schema?.name ?? 'no schema');
}

/** Of static topics, which do not exist here. */
const unknownInBodies = new Set([
  'mappingDataVersion',
  'topicQueueMappingDetailMap',
  'topicQueueMappingInfoMap',
]);

/** All that `java` says, `ours` says too; what Java left out has its default. */
function assertContains(ours: JsonValue, java: JsonValue, path: string): void {
  if (typeof java !== 'object' || java === null) {
    assert.deepEqual(ours, java, path);
    return;
  }
  assert.ok(typeof ours === 'object' && ours !== null, path);
  for (const [key, value] of Object.entries(java)) {
    if (unknownInBodies.has(key)) continue;
    const item: JsonValue | undefined = (ours as { readonly [key: string]: JsonValue })[key];
    assert.ok(item !== undefined, `${path}.${key} is missing`);
    assertContains(item, value, `${path}.${key}`);
  }
}

/** Bodies are written again to the same bytes, but for what old programs left out and we leave out. */
function checkBody(bytes: Uint8Array, format: BodyFormat | undefined, isOld: boolean): void {
  if (bytes.length === 0) return;
  assert.ok(format !== undefined, `no format for the body ${toText(bytes)}`);
  if (typeof format === 'string') {
    if (format === 'stored messages') assert.ok(decodeStoredMessages(bytes).length > 0);
    if (format === 'batch of messages') assert.equal(decodeBatch(bytes).length, 3);
    return;
  }
  const text = toText(bytes);
  const value = format.decode(bytes);
  const written = [toText(format.encode(value)), toText(format.encode(value, 'standard'))];
  if (written.includes(text)) return;
  const isPartOfJava = [...unknownInBodies].some((field) => text.includes(field));
  assert.ok(isOld || isPartOfJava, `${written[0]} was ${text}`);
  assertContains(parseFastjson(written[0]!), parseFastjson(text), format.name);
}

const sendView = new SendMessageView();
const pullView = new PullMessageView();

function checkViews(command: IncomingCommand): void {
  if (command.code === RequestCode.PULL_MESSAGE) {
    const header = exchanges.get(command.code)!.request!.decode(command) as Record<string, unknown>;
    assert.ok(pullView.read(command));
    for (const name of ['topic', 'consumerGroup', 'subscription', 'expressionType'] as const) {
      assert.equal(pullView[name], header[name], name);
    }
    for (const name of ['queueId', 'queueOffset', 'maxMsgNums', 'sysFlag', 'subVersion'] as const) {
      assert.equal(pullView[name], header[name], name);
    }
    return;
  }
  const header = decodeSendMessage(command);
  assert.ok(sendView.read(command));
  assert.equal(sendView.topic, header.topic);
  assert.equal(sendView.producerGroup, header.producerGroup);
  assert.equal(sendView.queueId, header.queueId);
  assert.equal(sendView.bornTimestamp, header.bornTimestamp);
  assert.equal(sendView.batch, header.batch);
  const properties = new Uint8Array(sendView.propertiesLength);
  assert.equal(sendView.copyProperties(properties, 0), properties.length);
  assert.equal(toText(properties), header.properties);
}

function checkRewritten(frame: Uint8Array, command: IncomingCommand): void {
  const hasFields = command.encoding === 'rocketmq' || toText(frame).includes('"extFields"');
  const rewritten = encodeCommand({
    code: command.code,
    opaque: command.opaque,
    flag: command.flag,
    version: command.version,
    language: languageNames[languageCodeOf(command.language)]!,
    remark: command.remark,
    extFields: hasFields ? command.extFields() : undefined,
    body: command.body,
    encoding: command.encoding,
  });
  assert.equal(toHex(rewritten), toHex(frame));
}

for (const { source, frames } of captures) {
  test(`frames of ${source} are understood, and written again to the same bytes`, () => {
    assert.ok(frames.length > 0);
    for (const { request, answer } of frames) {
      const command = read(fromHex(request));
      const where = `${source}, ${requestCodeName(command.code)}`;
      try {
        const exchange = exchanges.get(command.code) ?? {};
        checkHeader(command, exchange.request);
        checkBody(command.body, exchange.requestBody, source.includes('4.9.8'));
        checkRewritten(fromHex(request), command);
        if (exchange.request !== undefined && [10, 11, 310, 320].includes(command.code)) {
          checkViews(command);
        }
        if (answer === undefined) continue;
        const response = read(fromHex(answer));
        assert.ok(response.isResponse);
        assert.equal(response.opaque, command.opaque);
        checkRewritten(fromHex(answer), response);
        if (response.code !== 0) continue;
        checkHeader(response, exchange.response);
        checkBody(response.body, exchange.responseBody, false);
      } catch (cause) {
        throw new Error(`${where}: ${describeError(cause)}`, { cause });
      }
    }
  });
}

test('a compressed registration says what the same registration in JSON says', () => {
  const { frames } = captures.find(({ source }) => source === 'Java broker 5.5.0')!;
  const json = RegisterBrokerBody.decode(read(fromHex(frames[0]!.request)).body);
  const compressed = encodeCompressedRegisterBroker(json);
  assert.equal(compressed[0], 0x78);
  const { topics, dataVersion } = decodeRegistrationBody(compressed, ownVersion);
  assert.deepEqual(dataVersion, json.topicConfigSerializeWrapper.dataVersion);
  assert.deepEqual(
    [...topics.keys()],
    [...json.topicConfigSerializeWrapper.topicConfigTable.keys()],
  );
});
