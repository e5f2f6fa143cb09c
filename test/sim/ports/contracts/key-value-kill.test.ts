import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nodeKeyValueStores } from '../../../../src/node/index.ts';
import { deletedBelow, lastKey, oneKey, otherKey } from './key-value-writer.ts';

test('a killed process leaves the batches of a prefix, with all that it flushed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-kill-'));
  try {
    for (const flushes of [1, 3, 10, 2]) {
      const flushed = await writeAndKill(folder, flushes);
      const last = await checkPrefix(folder);
      assert.ok(last >= flushed, `flushed ${flushed}, found ${last}`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** Returns the last batch that the process reported as flushed before it was killed. */
async function writeAndKill(folder: string, flushes: number): Promise<number> {
  const program = fileURLToPath(new URL('./key-value-writer.js', import.meta.url));
  const child = spawn(process.execPath, [program, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let flushed = 0;
  let count = 0;
  for await (const line of createInterface(child.stdout)) {
    flushed = Number(line);
    if (++count === flushes) child.kill('SIGKILL');
  }
  const [, signal] = await exited;
  assert.equal(signal, 'SIGKILL');
  assert.ok(count >= flushes);
  return flushed;
}

/** Returns the number of the last batch, having checked that all before it are there and nothing after it. */
async function checkPrefix(folder: string): Promise<number> {
  await using database = await nodeKeyValueStores.open(folder);
  const last = Number(Buffer.from((await database.get(lastKey)) ?? []).toString());
  assert.ok(last > 0);
  const first = deletedBelow(last);
  const batches = Array.from({ length: last + 10 - first }, (_, index) => first + index);
  for (const keyOf of [oneKey, otherKey]) {
    const values = await database.getMany(batches.map(keyOf));
    for (const [index, batch] of batches.entries()) {
      assert.equal(
        values[index] !== undefined,
        batch > 0 && batch <= last,
        `batch ${batch} of ${last}`,
      );
    }
  }
  const older = database.scan({ from: oneKey(0), to: oneKey(first) });
  for await (const [key] of older) assert.fail(`came back: ${Buffer.from(key).toString()}`);
  return last;
}
