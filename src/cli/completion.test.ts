import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { operations } from '../admin/index.ts';
import { addCommands } from './commands.ts';
import { complete, completionScripts } from './completion.ts';
import { offer } from './offers.ts';

const program = new Command('holdfast').enablePositionalOptions();
addCommands(program, {
  terminal: {
    write() {},
    writeError() {},
    columns: undefined,
    rows: undefined,
    colors: false,
    interactive: false,
    ask: async () => '',
    readInput: async () => new Uint8Array(),
    localTime: String,
    environment: {},
  },
  stopSignal: () => new AbortController().signal,
  connect: async () => {
    throw new Error('not asked here');
  },
});

const asked: string[] = [];

async function after(...words: readonly string[]): Promise<readonly string[]> {
  const found = await complete(program, words, async (kind, nameServers) => {
    asked.push(`${kind} ${nameServers}`);
    return [`${kind}-1`, `${kind}-2`];
  });
  return found.map(({ word }) => word);
}

test('commands are completed at each depth', async () => {
  assert.deepEqual(await after('to'), ['topic']);
  assert.deepEqual(await after('broker', ''), ['ls', 'info', 'config']);
  assert.deepEqual(await after('broker', 'config', ''), ['get', 'set']);
  assert.deepEqual(await after('mqadmin', 'topic'), ['topicList', 'topicRoute', 'topicStatus']);
  assert.deepEqual(await after('nonsense', 'x'), []);
});

test('a command that is no operation may offer words for its argument', async () => {
  const own = program.command('own');
  own.command('act <thing>').option('--fast', 'Quickly.');
  const [act] = own.commands;
  assert.ok(act !== undefined);
  offer(act, async () => ['one', 'two']);
  assert.deepEqual(await after('own', 'act', ''), ['one', 'two']);
  assert.deepEqual(await after('own', 'act', 't'), ['two']);
  assert.deepEqual(await after('own', 'act', '--'), ['--fast']);
});

test('what only scripts call is not offered', async () => {
  assert.ok(!(await after('')).includes('complete'));
});

test('options are those of the operation, each once unless it may be repeated', async () => {
  assert.deepEqual(await after('topic', 'rm', 'T', '--'), [
    '--cluster',
    '--dry-run',
    '--yes',
    '--namesrv',
    '--output',
  ]);
  const after2 = await after('msg', 'send', 'T', 'b', '--keys', 'k', '--tags', 't', '--');
  assert.ok(after2.includes('--keys') && !after2.includes('--tags'));
});

test('values are those that the type has, and names that the cluster has', async () => {
  assert.deepEqual(await after('topic', 'ls', '-o', ''), ['table', 'json', 'yaml']);
  assert.deepEqual(await after('bench', 'meta', '--kind', 'g'), ['group']);
  assert.deepEqual(await after('topic', 'edit', 'T', '--order', ''), ['true', 'false']);
  assert.deepEqual(await after('topic', 'info', ''), ['topic-1', 'topic-2']);
  assert.deepEqual(await after('offset', 'copy', 'g', ''), ['group-1', 'group-2']);
  assert.deepEqual(await after('group', 'lag', 'a', 'b', ''), ['group-1', 'group-2']);
  asked.length = 0;
  assert.deepEqual(await after('msg', 'tail', '-n', 'h:1', 'topic-2'), ['topic-2']);
  assert.deepEqual(asked, ['topic h:1']);
});

test('nothing is asked for where no name may stand', async () => {
  asked.length = 0;
  for (const { name } of operations) await after(...name.split(' '), '--');
  assert.deepEqual(await after('msg', 'send', 'T', ''), []);
  assert.deepEqual(asked, []);
});

test('the scripts of the shells ask the program', () => {
  for (const script of Object.values(completionScripts)) {
    assert.match(script, /holdfast complete -- /);
    assert.ok(!script.includes('\\\\t') && script.endsWith('\n'));
  }
});
