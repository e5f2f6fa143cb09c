import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { optionTypes, parseAddress } from './option-types.ts';
import { nearest, type OptionRules, type OptionType, option, readOptions } from './options.ts';
import type { Setting } from './properties.ts';

const { addresses, boolean, bytes, choice, duration, hoursOfDay, integer, path, percent, text } =
  optionTypes;

const places = { homeFolder: '/home/me', workingFolder: '/work' };

const broker = {
  brokerName: option({ key: 'brokerName', type: text, default: 'broker-a', description: '' }),
  listenPort: option({
    key: 'listenPort',
    type: integer,
    default: 10911,
    range: [0, 65_535],
    description: '',
  }),
  flushDiskType: option({
    key: 'flushDiskType',
    type: choice('ASYNC_FLUSH', 'SYNC_FLUSH'),
    default: 'ASYNC_FLUSH',
    description: '',
  }),
  storePath: option({ key: 'storePathRootDir', type: path, default: '~/store', description: '' }),
  tailBytes: option({ type: bytes, default: 1024, description: '' }),
};
const nameserver = {
  listenPort: option({
    key: 'listenPort',
    type: integer,
    default: 9876,
    range: [0, 65_535],
    description: '',
  }),
};

function read(
  settings: readonly (readonly [key: string, value: string])[],
  rules: Partial<OptionRules> = {},
) {
  return readOptions(
    { broker, nameserver },
    settings.map(([key, value], index): Setting => ({ key, value, origin: `f:${index + 1}` })),
    { places, ...rules },
  );
}

function problemsOf(...parameters: Parameters<typeof read>): readonly string[] {
  const result = read(...parameters);
  assert.ok('problems' in result, 'expected problems');
  return result.problems;
}

function optionsOf(...parameters: Parameters<typeof read>) {
  const result = read(...parameters);
  assert.ok('options' in result, JSON.stringify(result));
  return result;
}

test('without settings there are the defaults', () => {
  const { options, origins } = optionsOf([]);
  assert.deepEqual(options.broker, {
    brokerName: 'broker-a',
    listenPort: 10911,
    flushDiskType: 'ASYNC_FLUSH',
    storePath: '/home/me/store',
    tailBytes: 1024,
  });
  assert.equal(origins.broker['listenPort'], 'default');
});

test('the last setting of a key wins and its origin is kept', () => {
  const { options, origins } = optionsOf([
    ['brokerName', 'x'],
    ['brokerName', 'y'],
  ]);
  assert.equal(options.broker.brokerName, 'y');
  assert.equal(origins.broker['brokerName'], 'f:2');
});

test('a key goes to each table that has it, or to the one it names', () => {
  const both = optionsOf([['listenPort', '1']]).options;
  assert.deepEqual([both.broker.listenPort, both.nameserver.listenPort], [1, 1]);
  const one = optionsOf([['nameserver.listenPort', '2']]).options;
  assert.deepEqual([one.broker.listenPort, one.nameserver.listenPort], [10911, 2]);
  const first = optionsOf([['listenPort', '3']], { firstTableOnly: new Set(['listenPort']) });
  assert.deepEqual(
    [first.options.broker.listenPort, first.options.nameserver.listenPort],
    [3, 9876],
  );
});

test('an option of ours has its name as key', () => {
  assert.equal(optionsOf([['tailBytes', '2k']]).options.broker.tailBytes, 2048);
});

test('all mistakes are reported together, each with its place, in their order', () => {
  assert.deepEqual(
    problemsOf([
      ['flushDiskTyp', 'SYNC_FLUSH'],
      ['listenPort', '70000'],
      ['flushDiskType', 'sometimes'],
      ['tailBytes', 'many'],
      ['whatever', '1'],
    ]),
    [
      'f:1: flushDiskTyp: unknown key; did you mean flushDiskType?',
      'f:2: listenPort: must be from 0 to 65535, not 70000',
      'f:3: flushDiskType: must be one of ASYNC_FLUSH, SYNC_FLUSH, not "sometimes"',
      'f:4: tailBytes: must be a number of bytes, such as 65536 or 64k, not "many"',
      'f:5: whatever: unknown key',
    ],
  );
});

test('a refused value is reported with its reason, another value of that key has no effect', () => {
  const rules = {
    refused: [
      { key: 'enableDLegerCommitLog', refuses: (value: string) => value === 'true', reason: 'no' },
    ],
  };
  assert.deepEqual(problemsOf([['enableDLegerCommitLog', 'true']], rules), [
    'f:1: enableDLegerCommitLog=true: no',
  ]);
  assert.deepEqual(problemsOf([['broker.enableDLegerCommitLog', 'true']], rules), [
    'f:1: broker.enableDLegerCommitLog=true: no',
  ]);
  const { withoutEffect } = optionsOf([['enableDLegerCommitLog', 'false']], rules);
  assert.deepEqual(
    withoutEffect.map(({ key }) => key),
    ['enableDLegerCommitLog'],
  );
});

test('a key of RocketMQ without meaning here is accepted and named', () => {
  const { withoutEffect } = optionsOf([['warmMapedFileEnable', 'true']], {
    withoutEffect: new Map([['warmMapedFileEnable', { default: 'false', reason: 'no' }]]),
  });
  assert.deepEqual(withoutEffect, [{ key: 'warmMapedFileEnable', value: 'true', origin: 'f:1' }]);
});

function accepts<T>(type: OptionType<T>, texts: readonly string[], value: T): void {
  for (const one of texts) assert.deepEqual(type.parse(one, places), { value }, one);
}

function refuses(type: OptionType<unknown>, ...texts: string[]): void {
  for (const one of texts) assert.ok('problem' in type.parse(one, places), one);
}

test('values are read as their type says', () => {
  accepts(integer, ['12', '+12', '012'], 12);
  refuses(integer, '', '1.5', '1e3', '0x10', '12 ', '1G', '99999999999999999999');
  accepts(boolean, ['true', 'TRUE'], true);
  accepts(boolean, ['false'], false);
  refuses(boolean, '', '1', 'yes', 'true ');
  accepts(bytes, ['65536', '64k', '64K', '64 k'], 65_536);
  accepts(bytes, ['1g'], 2 ** 30);
  refuses(bytes, '', '1.5m', '1x', 'm');
  accepts(duration('h'), ['72', '72h', '3d', '4320m'], 72 * 3_600_000);
  accepts(duration('ms'), ['500', '500ms'], 500);
  refuses(duration('ms'), '', '5y', 's');
  accepts(percent, ['75', '75%', '75 %'], 0.75);
  accepts(hoursOfDay, ['04;16', '4;16'], [4, 16]);
  refuses(hoursOfDay, '', '24', '4,16', 'x');
});

test('paths become absolute', () => {
  accepts(path, ['~/a', '/home/me/a', '../home/me/./a/', '\\home\\me\\a'], '/home/me/a');
  accepts(path, ['a/b', './a//b'], '/work/a/b');
  accepts(path, ['C:\\data\\x', 'C:/data/x'], 'C:/data/x');
  refuses(path, '');
});

test('addresses are host:port with ; between them', () => {
  const expected = [
    { host: '10.0.0.1', port: 9876 },
    { host: '::1', port: 1 },
  ];
  accepts(addresses, ['10.0.0.1:9876;[::1]:1', '10.0.0.1:9876; [::1]:1;'], expected);
  accepts(addresses, ['', ';'], []);
  refuses(addresses, 'host', 'host:', 'host:70000', ':9876', 'a:b:1', 'a b:1');
  assert.equal(parseAddress('[::1]'), undefined);
});

test('what a type writes it reads back', () => {
  const numbers = fc.nat({ max: 2 ** 40 });
  fc.assert(
    fc.property(numbers, fc.boolean(), fc.nat({ max: 100 }), (number, flag, share) => {
      for (const [type, value] of [
        [integer, number],
        [bytes, number],
        [duration('ms'), number],
        [duration('h'), share * 3_600_000],
        [boolean, flag],
        [percent, share / 100],
      ] as const) {
        const { format, parse }: OptionType<unknown> = type;
        assert.deepEqual(parse(format(value), places), { value });
      }
    }),
  );
});

test('the nearest word is suggested, a far one is not', () => {
  const words = ['listenPort', 'brokerName', 'brokerId'];
  assert.equal(nearest('listenport', words), 'listenPort');
  assert.equal(nearest('lisenPort', words), 'listenPort');
  assert.equal(nearest('brokername', words), 'brokerName');
  assert.equal(nearest('port', words), undefined);
  assert.equal(nearest('x', words), undefined);
});
