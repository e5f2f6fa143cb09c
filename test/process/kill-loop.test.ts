import { strict as assert } from 'node:assert';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { killLoop } from './rounds.ts';

const limitMs = 300_000;
const seed = 7;

test('what was acknowledged is there after kill -9', { timeout: limitMs }, async (t) => {
  const { messages, topics, groups, faults } = await killLoop({
    rounds: 3,
    seed,
    report: (line) => t.diagnostic(line),
  });
  assert.deepEqual(faults, []);
  assert.ok(messages > 100 && topics > 5 && groups > 5, 'there was load in the rounds');
});

test('the kill loop sees a commit log whose end was lost', { timeout: limitMs }, async () => {
  const report = (): void => {};
  const outcome = killLoop({ rounds: 3, seed, report, whileDown: eraseEndOfLog }).then(
    ({ faults }) => assert.deepEqual(faults, []),
  );
  // Either the broker serves what is left, or it refuses to serve with a damaged log.
  await assert.rejects(outcome, /lost [1-9]|holes [1-9]|the server ended at its start/);
});

const erasedBytes = 60_000;

/** Zeroes before the last byte that is not zero, as if the disk had not written them. */
async function eraseEndOfLog(dataFolder: string): Promise<void> {
  const names = await readdir(dataFolder, { recursive: true });
  const segments = names.filter((name) => /(^|\/)commitlog\/\d{20}$/.test(name)).sort();
  for (const name of segments.reverse()) {
    await using file = await open(join(dataFolder, name), 'r+');
    const bytes = await file.readFile();
    let end = bytes.length;
    while (end > 0 && bytes[end - 1] === 0) end -= 1;
    if (end === 0) continue; // Made ahead of its use.
    const from = Math.max(0, end - erasedBytes);
    await file.write(Buffer.alloc(end - from), 0, end - from, from);
    await file.sync();
    return;
  }
  assert.fail(`no commit log in ${names.join(' ')}`);
}
