import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PullMessageResponse } from '../headers/pull.ts';
import { SendMessageResponse } from '../headers/send.ts';
import { encodeHost } from '../messages/host.ts';
import { encodeCommand } from './encode.ts';
import { FrameReader } from './frame-reader.ts';
import {
  type PullResponse,
  type SendResponse,
  storeHostPrefix,
  writeBareResponse,
  writePullResponse,
  writeSendResponse,
} from './hot-responses.ts';
import type { Encoding, IncomingCommand } from './incoming-command.ts';
import { OutputBuffer } from './output-buffer.ts';

function readAll(out: OutputBuffer): IncomingCommand[] {
  const commands: IncomingCommand[] = [];
  const reader = new FrameReader();
  reader.push(out.take(), (command) => commands.push(command));
  assert.equal(reader.pendingBytes, 0);
  return commands;
}

const ascii = (text: string) => new TextEncoder().encode(text);
const encoding = fc.constantFrom<Encoding>('json', 'rocketmq');

test('answers to sends say what they were given', () => {
  const storeHost = storeHostPrefix(encodeHost({ host: '192.168.1.5', port: 10911 }));
  const response = fc.record({
    code: fc.constantFrom(0, 10, 11, 12),
    queueId: fc.nat(),
    queueOffset: fc.maxSafeNat(),
    physicalOffset: fc.oneof(fc.maxSafeNat(), fc.array(fc.maxSafeNat(), { minLength: 1 })),
    transactionId: fc.option(fc.constant('7F0000010000ABCD0000000000000001'), { nil: undefined }),
    traceOn: fc.boolean(),
  });
  const out = new OutputBuffer();
  fc.assert(
    fc.property(response, fc.integer(), encoding, (given, opaque, encoding) => {
      const hot: SendResponse = {
        ...given,
        storeHost,
        regionId: 'DefaultRegion',
        transactionId: given.transactionId === undefined ? undefined : ascii(given.transactionId),
      };
      writeSendResponse(out, opaque, encoding, hot);
      writeSendResponse(out, (opaque + 1) | 0, encoding, hot);
      const [command, next] = readAll(out);
      assert.ok(command?.isResponse && !command.isOneway);
      assert.equal(command.code, given.code);
      assert.equal(command.opaque, opaque);
      assert.equal(command.version, 479);
      assert.equal(command.encoding, encoding);
      assert.equal(next?.opaque, (opaque + 1) | 0);
      const ids = [given.physicalOffset]
        .flat()
        .map((at) => `C0A8010500002A9F${at.toString(16).toUpperCase().padStart(16, '0')}`);
      assert.deepEqual(SendMessageResponse.decode(command), {
        msgId: ids.join(','),
        queueId: given.queueId,
        queueOffset: given.queueOffset,
        ...(given.transactionId === undefined ? {} : { transactionId: given.transactionId }),
        regionId: 'DefaultRegion',
        traceOn: given.traceOn,
      });
    }),
  );
});

test('answers to pulls say what they were given, and announce the body', () => {
  const offset = fc.maxSafeNat();
  const flag = fc.option(fc.nat(), { nil: undefined });
  const response = fc.record<PullResponse>({
    code: fc.constantFrom(0, 19, 20, 21),
    remark: fc.constantFrom(undefined, 'FOUND', 'a "quoted" \\ remark'),
    suggestWhichBrokerId: fc.nat(1),
    nextBeginOffset: offset,
    minOffset: offset,
    maxOffset: offset,
    topicSysFlag: flag,
    groupSysFlag: flag,
  });
  const out = new OutputBuffer();
  fc.assert(
    fc.property(response, fc.integer(), encoding, (given, opaque, encoding) => {
      writePullResponse(out, opaque, encoding, given, 5);
      out.append(Uint8Array.of(1, 2, 3, 4, 5));
      const [command] = readAll(out);
      assert.ok(command?.isResponse);
      assert.equal(command.code, given.code);
      assert.equal(command.opaque, opaque);
      assert.equal(command.remark, given.remark);
      assert.deepEqual([...command.body], [1, 2, 3, 4, 5]);
      const { code, remark, ...header } = given;
      assert.deepEqual(
        PullMessageResponse.decode(command),
        Object.fromEntries(Object.entries(header).filter(([, value]) => value !== undefined)),
      );
    }),
  );
});

test('what was taken is never written again', () => {
  const out = new OutputBuffer();
  const taken: Uint8Array[] = [];
  for (let i = 0; i < 5000; i++) {
    out.append(new Uint8Array(i % 100).fill(i));
    if (i % 3 === 0) taken.push(out.take());
  }
  const bytes = Buffer.concat(taken);
  const expected = Buffer.concat(
    Array.from({ length: 4999 }, (_, i) => new Uint8Array(i % 100).fill(i)),
  );
  assert.equal(out.length, 4999 % 100);
  assert.ok(bytes.equals(expected));
  assert.equal(out.take().length, 99);
  assert.equal(out.take().length, 0);
});

test('storage is used again when all of it was taken and sent, and only then', () => {
  const out = new OutputBuffer();
  out.append(Uint8Array.of(1, 2, 3));
  const storage = out.bytes.buffer;
  out.reuse();
  assert.deepEqual([...out.take()], [1, 2, 3], 'it was not taken yet');
  out.reuse();
  for (let count = 0; count < 10_000; count++) {
    out.append(Uint8Array.of(4, 5));
    assert.deepEqual([...out.take()], [4, 5]);
    out.reuse();
  }
  assert.equal(out.bytes.buffer, storage);
  out.append(new Uint8Array(1_000_000));
  assert.equal(out.take().length, 1_000_000);
  out.reuse();
  assert.ok(out.bytes.length <= 65_536, 'a large answer is not paid for ever after');
});

test('an answer that is nothing but its code is what the general encoder writes', () => {
  const code = fc.integer({ min: 0, max: 0x7fff });
  fc.assert(
    fc.property(code, fc.integer(), encoding, (code, opaque, encoding) => {
      const out = new OutputBuffer();
      writeBareResponse(out, opaque, encoding, code);
      assert.deepEqual(
        Buffer.from(out.take()),
        Buffer.from(encodeCommand({ code, opaque, encoding, flag: 1 })),
      );
    }),
  );
});
