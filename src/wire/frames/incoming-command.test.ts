import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isFailure } from '../../base/index.ts';
import { encodeText, writeInt32 } from '../bytes.ts';
import { encodeCommand } from './encode.ts';
import { FrameReader } from './frame-reader.ts';
import type { Encoding, IncomingCommand } from './incoming-command.ts';

function frame(header: Uint8Array, type = 0): Uint8Array {
  const bytes = new Uint8Array(8 + header.length);
  writeInt32(bytes, 0, 4 + header.length);
  writeInt32(bytes, 4, (type << 24) | header.length);
  bytes.set(header, 8);
  return bytes;
}

function read(bytes: Uint8Array): IncomingCommand {
  let found: IncomingCommand | undefined;
  new FrameReader().push(bytes, (command) => {
    found = command;
  });
  assert.ok(found);
  return found;
}

const readJson = (json: string) => read(frame(encodeText(json)));
const isPlain = (command: IncomingCommand) => command.noteExtFields();

const anyText = fc.string({ unit: 'binary', maxLength: 20 });
const anyCommand = fc.record({
  code: fc.integer({ min: -32768, max: 32767 }),
  opaque: fc.integer(),
  flag: fc.integer(),
  version: fc.integer({ min: -32768, max: 32767 }),
  remark: fc.option(fc.string({ unit: 'binary', minLength: 1 }), { nil: undefined }),
  extFields: fc.dictionary(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    { noNullPrototype: true },
  ),
  encoding: fc.constantFrom<Encoding>('json', 'rocketmq'),
});

test('what is encoded is read back, in both encodings', () => {
  fc.assert(
    fc.property(anyCommand, (command) => {
      const back = read(encodeCommand({ ...command, language: 'GO' }));
      assert.equal(back.code, command.code);
      assert.equal(back.opaque, command.opaque);
      assert.equal(back.flag, command.flag);
      assert.equal(back.version, command.version);
      assert.equal(back.language, 'GO');
      assert.equal(back.remark, command.remark);
      assert.deepEqual({ ...back.extFields() }, command.extFields);
      for (const [key, text] of Object.entries(command.extFields)) {
        assert.equal(back.text(key) ?? back.extFields()[key], text);
      }
    }),
  );
});

test('blanks, any order and unknown fields leave a header plain', () => {
  const command = readJson(
    ' {\n"version" : 1 , "extFields" : { "b" : "2" , "a" : "1" } ,\t"x":"y", "n":5, "opaque":-3 ,"code":\r\n10} ',
  );
  assert.ok(isPlain(command));
  assert.deepEqual([command.code, command.opaque, command.version], [10, -3, 1]);
  assert.deepEqual({ ...command.extFields() }, { a: '1', b: '2' });
  assert.equal(command.language, 'JAVA');
  assert.equal(command.remark, undefined);
});

test('escapes are undone, and leave a header plain', () => {
  const command = readJson(
    '{"extFields":{"i":"A\\u0001\\"\\\\\\/\\n\\u5317\\ud83d\\ude80"},"remark":"caf\\u00e9"}',
  );
  assert.ok(isPlain(command));
  assert.equal(command.text('i'), 'A\u0001"\\/\n北🚀');
  assert.equal(command.remark, 'café');
});

test('what fastjson would accept is read too', () => {
  const command = readJson(
    '{code:\'310\',extFields:{a:1,b:true,c:null,\'d\':"x",e:1.5,f:{"g":1},},language:9,flag:2,remark:null,opaque:7,}',
  );
  assert.ok(!isPlain(command));
  assert.deepEqual([command.code, command.opaque, command.flag], [310, 7, 2]);
  assert.equal(command.language, 'GO');
  assert.deepEqual(
    { ...command.extFields() },
    { a: '1', b: 'true', d: 'x', e: '1.5', f: '{"g":1}' },
  );
  assert.equal(command.has('c'), false);
  assert.equal(command.text('d'), 'x');
});

test('the last of equal fields counts', () => {
  assert.equal(readJson('{"extFields":{"a":"1","a":"2"}}').text('a'), '2');
  assert.equal(readJson('{"extFields":{"a":"1"},"extFields":{"b":"2"}}').text('a'), undefined);
});

test('names of object members are ordinary ext fields', () => {
  const command = readJson('{"extFields":{"__proto__":"1","constructor":"2"}}');
  assert.equal(command.text('__proto__'), '1');
  assert.equal(command.text('toString'), undefined);
  assert.deepEqual(Object.entries(command.extFields()), [
    ['__proto__', '1'],
    ['constructor', '2'],
  ]);
  const loose = readJson('{"extFields":{"__proto__":1}}');
  assert.equal(loose.text('__proto__'), '1');
  assert.equal(loose.text('constructor'), undefined);
});

test('an empty value of a binary header is absent, as in Java', () => {
  const frame = encodeCommand({
    code: 1,
    opaque: 1,
    extFields: { a: '', b: 'x' },
    encoding: 'rocketmq',
  });
  assert.equal(read(frame).has('a'), false);
  assert.equal(read(frame).text('b'), 'x');
});

test('two commands can be read in turn', () => {
  const [first, second] = ['1', '2'].map((a) => readJson(`{"extFields":{"a":"${a}"}}`));
  assert.equal(first?.text('a'), '1');
  assert.equal(second?.text('a'), '2');
  assert.equal(first?.text('a'), '1');
});

test('a command that was detached is not changed by what comes into its chunk next', () => {
  fc.assert(
    fc.property(anyCommand, fc.uint8Array(), fc.boolean(), (given, body, wasRead) => {
      const sent = encodeCommand({ ...given, body });
      const before = read(sent);
      const expected = [before.language, before.remark, before.opaque, { ...before.extFields() }];
      const command = read(sent);
      if (wasRead) assert.deepEqual([...command.body], [...body]);
      assert.equal(command.detach(), command);
      sent.fill(0xa5);
      assert.equal(command.detach(), command, 'again');
      const { language, remark, opaque } = command;
      assert.deepEqual([language, remark, opaque, { ...command.extFields() }], expected);
      assert.deepEqual([...command.body], [...body]);
    }),
  );
});

test('bad headers are refused', () => {
  for (const json of [
    '',
    '[]',
    '1',
    '{',
    '{"code":}',
    '{"code":1e30}',
    '{"code":3000000000}',
    '{"code":"x"}',
    '{"opaque":{}}',
    '{"extFields":{"a":"1"}',
    '{"code":1}x',
    '{"a":"\\u00"}',
    '{"a":"\\q"}',
  ]) {
    assert.throws(
      () => readJson(json),
      (error) => isFailure(error, 'invalid'),
      json,
    );
  }
});

/** Reads everything there is; nothing but `Failure('invalid')` may come of it. */
function readOrRefuse(bytes: Uint8Array): void {
  try {
    new FrameReader().push(bytes, (command) => {
      command.extFields();
      command.text('a');
      assert.ok(command.body.length <= bytes.length);
      assert.equal(typeof command.language, 'string');
      void command.remark;
    });
  } catch (error) {
    if (!isFailure(error, 'invalid')) throw error;
  }
}

test('no bytes do more harm than a refusal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0, 1), (header, type) => {
      readOrRefuse(frame(header, type));
    }),
    { numRuns: 500 },
  );
});

test('no change of a good frame does more harm than a refusal', () => {
  fc.assert(
    fc.property(
      anyCommand,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (command, changes) => {
        const bytes = encodeCommand(command);
        for (const [at, byte] of changes) bytes[4 + (at % (bytes.length - 4))] = byte;
        readOrRefuse(bytes);
      },
    ),
    { numRuns: 1000 },
  );
});

test('text of ext fields may be any text', () => {
  fc.assert(
    fc.property(anyText, (value) => {
      const json = `{"extFields":{"k":${JSON.stringify(value)}}}`;
      assert.equal(readJson(json).text('k'), value);
    }),
  );
  // Half a surrogate pair has no UTF-8: Java makes it a question mark.
  assert.equal(readJson('{"extFields":{"k":"a\\ud800b\\udc00"}}').text('k'), 'a?b?');
});
