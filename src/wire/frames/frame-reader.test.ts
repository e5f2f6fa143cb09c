import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isFailure } from '../../base/index.ts';
import { writeInt32 } from '../bytes.ts';
import { encodeCommand } from './encode.ts';
import { FrameReader, maxFrameBytes } from './frame-reader.ts';
import type { IncomingCommand } from './incoming-command.ts';

function request(opaque: number, bodyLength = 3): Uint8Array {
  const body = new Uint8Array(bodyLength).fill(opaque);
  const encoding = opaque % 2 === 0 ? 'json' : 'rocketmq';
  return encodeCommand({ code: 10, opaque, encoding, extFields: { topic: `t${opaque}` }, body });
}

function readAll(chunks: readonly Uint8Array[]): IncomingCommand[] {
  const reader = new FrameReader();
  const commands: IncomingCommand[] = [];
  for (const chunk of chunks) reader.push(chunk, (command) => commands.push(command));
  assert.equal(reader.pendingBytes, 0);
  return commands;
}

/** The bytes, cut before each of the positions. */
function cut(bytes: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const borders = [0, ...positions.map((at) => at % bytes.length).sort((a, b) => a - b)];
  return borders.map((start, i) => bytes.slice(start, borders[i + 1] ?? bytes.length));
}

test('commands are the same wherever the stream is cut, and stay valid', () => {
  const stream = Buffer.concat([0, 1, 2, 3, 4, 5].map((opaque) => request(opaque, opaque * 50)));
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 40 }), (positions) => {
      const commands = readAll(cut(stream, positions));
      // Read after all chunks were pushed: what a command says does not depend on the ones after it.
      assert.deepEqual(
        commands.map((command) => [command.opaque, command.text('topic'), command.body.length]),
        [0, 1, 2, 3, 4, 5].map((opaque) => [opaque, `t${opaque}`, opaque * 50]),
      );
      for (const { opaque, body } of commands) assert.ok(body.every((byte) => byte === opaque));
    }),
  );
});

test('a frame may arrive byte by byte', () => {
  const [command] = readAll([...request(7)].map((byte) => Uint8Array.of(byte)));
  assert.equal(command?.text('topic'), 't7');
});

test('a frame in one chunk is not copied', () => {
  const frame = request(2);
  const [command] = readAll([frame]);
  assert.equal(command?.body.buffer, frame.buffer);
});

test('a large frame in small chunks is copied a bounded number of times', (context) => {
  const frame = request(2, 4 * 1024 * 1024);
  let copied = 0;
  const { set } = Uint8Array.prototype;
  context.mock.method(
    Uint8Array.prototype,
    'set',
    function (this: Uint8Array, source: ArrayLike<number>, at?: number) {
      copied += source.length;
      set.call(this, source, at);
    },
  );
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < frame.length; at += 65_536) chunks.push(frame.subarray(at, at + 65_536));
  const [command] = readAll(chunks);
  assert.equal(command?.bodyLength, 4 * 1024 * 1024);
  assert.ok(copied < 3 * frame.length, `${copied} bytes were copied`);
});

function checkRefused(bytes: Uint8Array, message: RegExp): void {
  assert.throws(
    () => new FrameReader().push(bytes, () => {}),
    (error) => isFailure(error, 'invalid') && message.test(error.message),
  );
}

test('what is not a frame is refused by name', () => {
  const words = (length: number, header: number) => {
    const bytes = new Uint8Array(40);
    writeInt32(bytes, 0, length);
    writeInt32(bytes, 4, header);
    return bytes;
  };
  checkRefused(words(3, 0), /length 3/);
  checkRefused(words(-1, 0), /length -1/);
  checkRefused(words(maxFrameBytes, 0), /length 16777216/);
  checkRefused(words(36, 0x02_000000), /serialize type 2/);
  checkRefused(words(36, 0x00_000021), /header of 33 bytes, 32 in the frame/);
  checkRefused(words(36, 0x01_000014), /binary header: 20 bytes/);
  checkRefused(new TextEncoder().encode('GET / HTTP/1.1\r\n'), /length 1195725856/);
});

test('a frame that announces much is not believed before it arrives', () => {
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 64 }, () => new FrameReader());
  const start = new Uint8Array(16);
  writeInt32(start, 0, maxFrameBytes - 4);
  for (const reader of readers) reader.push(start, () => {});
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes for 64 readers`);
});

test('the limit can be lowered', () => {
  const reader = new FrameReader({ maxFrameBytes: 64 });
  assert.throws(() => reader.push(request(2, 100), () => {}), /length/);
});
