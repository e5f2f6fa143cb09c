import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RuntimeOptions } from '../base/index.ts';
import { brokerChangesOf, brokerOptions } from '../broker/index.ts';
import { type Terminal, UsageMistake } from '../cli/index.ts';
import { nodeDisk } from '../node/index.ts';
import { checkConfiguration, showConfiguration } from './config.ts';
import { configure, installationSources } from './sources.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(text: string | Uint8Array): string {
  const path = join(folder, 'broker.conf');
  writeFileSync(path, text);
  return path;
}

/** What a command writes, and what it says is wrong. */
async function outputOf(
  run: (terminal: Terminal) => Promise<void>,
): Promise<{ readonly text: string; readonly problems: readonly string[] | undefined }> {
  let text = '';
  const terminal = {
    write: (part: string) => {
      text += part;
    },
  } as Terminal;
  try {
    await run(terminal);
    return { text, problems: undefined };
  } catch (error) {
    if (!(error instanceof UsageMistake)) throw error;
    return { text, problems: error.problems };
  }
}

const check = (text: string | Uint8Array, options: { role?: string; json?: boolean } = {}) =>
  outputOf((terminal) =>
    checkConfiguration(fileOf(text), { role: 'broker', ...options }, terminal),
  );

const show = (keys: readonly string[], text: string, options: Record<string, unknown> = {}) =>
  outputOf((terminal) =>
    showConfiguration(keys, { role: 'broker', config: fileOf(text), ...options }, terminal),
  );

test('every mistake of a file is told with its line, in the order of the lines', async () => {
  const { problems } = await check('# x\nlistenPort=x\nflushDiskTyp=A\nduplicationEnable=true\n');
  const place = join(folder, 'broker.conf');
  assert.deepEqual(problems, [
    `${place}:2: listenPort: must be a whole number, not "x"`,
    `${place}:3: flushDiskTyp: unknown key; did you mean flushDiskType?`,
    `${place}:4: duplicationEnable=true: a replica is kept by its in-sync set, not by duplication`,
  ]);
});

test('a file without mistakes passes, with remarks on what has no effect', async () => {
  const { text, problems } = await check(
    'brokerName=a\nbrokerName=b\nsendMessageThreadPoolNums=4\nneedWaitForService=true\n',
  );
  assert.equal(problems, undefined);
  const lines = text.trimEnd().split('\n');
  assert.equal(lines.length, 4);
  assert.match(lines[0] ?? '', /:2: brokerName: set in \S+:1 too; this one counts$/);
  assert.match(lines[1] ?? '', /:3: sendMessageThreadPoolNums: no effect; there are no pools/);
  assert.match(
    lines[2] ?? '',
    /:4: needWaitForService: no effect; it is an option of another role/,
  );
  assert.match(lines[3] ?? '', /no mistakes$/);
});

test('a check can be read by a program, also when it fails', async () => {
  const { text, problems } = await check('listenPort=x\n', { json: true });
  assert.deepEqual(problems, []);
  const { mistakes, remarks } = JSON.parse(text);
  assert.equal(mistakes.length, 1);
  assert.deepEqual(remarks, []);
});

test('a file that is not there is a mistake', async () => {
  const missing = await outputOf((terminal) =>
    checkConfiguration(join(folder, 'none'), { role: 'broker' }, terminal),
  );
  assert.match(missing.problems?.[0] ?? '', /cannot read the configuration/);
  const wrongRole = await check('', { role: 'conductor' });
  assert.match(wrongRole.problems?.[0] ?? '', /--role must be/);
});

test('a file is read as UTF-8, or else as ISO-8859-1, as Java does', async () => {
  const shown = async (bytes: Uint8Array) => {
    const path = fileOf(bytes);
    const { text } = await outputOf((terminal) =>
      showConfiguration(['regionId'], { role: 'broker', config: path }, terminal),
    );
    return text;
  };
  assert.equal(await shown(Buffer.from('regionId=消息')), 'regionId=消息\n');
  assert.equal(await shown(Buffer.from('regionId=caf\xe9', 'latin1')), 'regionId=café\n');
  assert.equal(await shown(Buffer.from('regionId=\\u6d88')), 'regionId=消\n');
});

test('each value is shown with where it comes from', async () => {
  const { text } = await show(
    ['deleteWhen', 'fileReservedTime', 'brokerPermission'],
    'deleteWhen=05',
    {
      set: ['brokerPermission=4'],
      origin: true,
    },
  );
  const rows = text.trimEnd().split('\n');
  assert.match(rows[0] ?? '', /^fileReservedTime=72 +# default$/);
  assert.match(rows[1] ?? '', /^deleteWhen=05 +# .*broker\.conf:1$/);
  assert.match(rows[2] ?? '', /^brokerPermission=4 +# --set$/);
  const unknown = await show(['nothing'], '');
  assert.deepEqual(unknown.problems, ['nothing: not an option of broker']);
});

test('what was changed while the broker ran is shown as such', async () => {
  const conf = `storePathRootDir=${folder}/store\n`;
  const sources = await installationSources(fileOf(conf), []);
  const configured = configure(new Set(['broker']), sources).options.broker;
  const runtime = await RuntimeOptions.open({
    table: brokerOptions,
    configured,
    rules: { places: { homeFolder: '/', workingFolder: '/' } },
    file: brokerChangesOf(configured, nodeDisk),
    now: () => 1,
  });
  await runtime.update('deleteWhen=07');
  const { text } = await show(['deleteWhen'], conf, { json: true });
  const [row] = JSON.parse(text);
  assert.equal(row.value, '07');
  assert.match(row.origin, /^changed, .*store\/config\/broker\.changes$/);
  const edited = await show(['deleteWhen'], `${conf}deleteWhen=08\n`, { origin: true });
  assert.match(edited.text, /^deleteWhen=08 +# .*broker\.conf:2$/m);
});
