import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { optionTypes } from './option-types.ts';
import { type OptionRules, option } from './options.ts';
import { besides, type ChangesFile, RuntimeOptions } from './runtime-options.ts';

const { boolean, integer, text } = optionTypes;

const table = {
  size: option({ type: integer, default: 5, range: [1, 10], changeable: true, description: '' }),
  isOn: option({ key: 'on', type: boolean, default: false, changeable: true, description: '' }),
  name: option({ type: text, default: 'a', description: '' }),
} as const;

const rules: OptionRules = {
  places: { homeFolder: '/', workingFolder: '/' },
  refused: [{ key: 'dledger', refuses: (value) => value === 'true', reason: 'never' }],
  withoutEffect: new Map([['threads', { default: '8', reason: 'there are none' }]]),
};

const configured = { size: 5, isOn: false, name: 'a' };

/** A file in memory; `fails` makes writes fail. */
class MemoryFile implements ChangesFile {
  readonly path = '/changes';
  content: string | undefined;
  writes = 0;
  fails = false;

  async read(): Promise<string | undefined> {
    return this.content;
  }

  async write(content: string): Promise<void> {
    await Promise.resolve();
    if (this.fails) throw new Error('full');
    this.content = content;
    this.writes += 1;
  }
}

const open = (file: ChangesFile | undefined = new MemoryFile(), was = configured) =>
  RuntimeOptions.open({ table, configured: was, rules, file, now: () => 7 });

async function problemsOf(text: string): Promise<readonly string[]> {
  const outcome = await (await open()).update(text);
  assert('problems' in outcome, 'expected problems');
  return outcome.problems;
}

test('each reason why a setting cannot change is told with its key', async () => {
  assert.deepEqual(
    await problemsOf('size=11\nname=b\nsiz=1\ndledger=true\nthreads=9\non=maybe\nsize:\n'),
    [
      'name: changes at a restart only; set it in the configuration file',
      'siz: unknown key; did you mean size?',
      'dledger=true: never',
      'threads: has no effect here: there are none',
      'on: must be true or false, not "maybe"',
      'size: must be a whole number, not nothing',
    ],
  );
  assert.deepEqual(await problemsOf('size=\\u1'), [
    'request:1: \\u must be followed by four hexadecimal digits',
  ]);
});

test('settings that are so already change nothing and write nothing', async () => {
  const file = new MemoryFile();
  const options = await open(file);
  const outcome = await options.update('size=5\non=FALSE\nname=a\nthreads=8\ndledger=false\n');
  assert.deepEqual(outcome, { changes: [] });
  assert.deepEqual([file.writes, options.version.counter], [0, 0]);
});

test('a change is written before it is in force, in the one object that all hold', async () => {
  const file = new MemoryFile();
  const options = await open(file);
  const held = besides(options.values, { more: 1 });
  const change = options.update('size=6');
  assert.equal(held.size, 5);
  assert.deepEqual(await change, {
    changes: [{ name: 'size', key: 'size', before: '5', after: '6' }],
  });
  assert.deepEqual([held.size, held.more, file.writes], [6, 1, 1]);
  file.fails = true;
  await assert.rejects(options.update('size=7'), /full/);
  assert.equal(held.size, 6);
  file.fails = false;
  await options.update('size=8');
  assert.equal(held.size, 8);
});

test('changes that come together are made one after the other, none on the state before another', async () => {
  const file = new MemoryFile();
  const options = await open(file);
  await Promise.all([
    options.update('size=6'),
    options.update('on=true'),
    options.update('size=7'),
  ]);
  const again = await open(file);
  assert.deepEqual(again.values, { size: 7, isOn: true, name: 'a' });
  assert.deepEqual(again.version, { counter: 3, timestamp: 7 });
});

test('a change back to what the configuration says is no change any more', async () => {
  const file = new MemoryFile();
  await (await open(file)).update('size=6');
  const options = await open(file);
  assert.deepEqual(options.changedKeys(), ['size']);
  await options.update('size=5');
  assert.deepEqual(options.changedKeys(), []);
  assert.deepEqual((await open(file, { ...configured, size: 9 })).dropped, []);
});

test('whoever edits the configuration later is heard', async () => {
  const file = new MemoryFile();
  await (await open(file)).update('size=6\non=true\n');
  const edited = await open(file, { ...configured, size: 9 });
  assert.deepEqual(edited.values, { size: 9, isOn: true, name: 'a' });
  assert.deepEqual(edited.dropped, ['size=6: the configuration now says 9, not 5']);
});

test('what a file of changes says about keys that are gone is left out and told', async () => {
  const file = new MemoryFile();
  const stored = {
    name: { value: 'b', was: 'a' },
    gone: { value: '1', was: '0' },
    size: { value: '99', was: '5' },
  };
  file.content = JSON.stringify({ counter: 1, timestamp: 1, changes: stored });
  const options = await open(file);
  assert.deepEqual(options.values, configured);
  assert.equal(options.dropped.length, 3);
  file.content = 'no';
  await assert.rejects(open(file), /not a file of changed options/);
});

test('locked keys are found before anything else, whatever their value', async () => {
  const locking = {
    ...table,
    list: option({ key: 'configBlackList', type: text, default: '', description: '' }),
  };
  const options = await RuntimeOptions.open({
    table: locking,
    configured: { ...configured, list: 'on; size' },
    rules,
    file: new MemoryFile(),
    now: () => 1,
  });
  assert.deepEqual(await options.update('size=abc\nnothing=1\nconfigBlackList=\n'), {
    locked: ['size', 'configBlackList'],
  });
});

test('any request either changes values within their range or nothing', async () => {
  const line = fc.tuple(
    fc.constantFrom('size', 'on', 'name', 'threads', 'x'),
    fc.constantFrom('1', '5', '10', '11', 'true', 'false', '', 'a'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 4 }), async (lines) => {
      const options = await open();
      const outcome = await options.update(
        lines.map(([key, value]) => `${key}=${value}\n`).join(''),
      );
      if ('problems' in outcome) assert.deepEqual(options.values, configured);
      const { size, name } = options.values;
      assert(size >= 1 && size <= 10 && name === 'a');
    }),
  );
});
