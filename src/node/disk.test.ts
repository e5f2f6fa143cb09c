import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isFailure } from '../base/index.ts';
import { nodeDisk } from './disk.ts';

const fullDevice = '/dev/full';

test('a full disk is a failure with its reason and the error of the system', {
  skip: !existsSync(fullDevice),
}, async () => {
  await using file = await nodeDisk.open(fullDevice, 'write');
  const isFull = (error: unknown): boolean => {
    assert.ok(isFailure(error, 'unavailable', 'diskFull'));
    assert.match(String(error.cause), /ENOSPC/);
    return true;
  };
  assert.throws(() => file.writeNow(Uint8Array.of(1), 0), isFull);
  await assert.rejects(file.write(Uint8Array.of(1), 0), isFull);
});

test('a file beyond the largest size counts as a full disk', async () => {
  await using folder = await temporaryFolder();
  await using file = await nodeDisk.open(`${folder.path}/file`, 'create');
  const tooLarge = Number.MAX_SAFE_INTEGER - 10;
  assert.throws(
    () => file.truncateNow(tooLarge),
    (error) => isFailure(error, 'unavailable'),
  );
});

test('wrong arguments are bugs, not failures', async () => {
  await using folder = await temporaryFolder();
  await using file = await nodeDisk.open(`${folder.path}/file`, 'create');
  assert.throws(
    () => file.truncateNow(0.5),
    (error) => !isFailure(error),
  );
});

test('a link to a folder counts as the folder, one to nowhere as nothing', {
  skip: process.platform === 'win32',
}, async () => {
  await using folder = await temporaryFolder();
  await nodeDisk.makeFolder(`${folder.path}/real`);
  await symlink(`${folder.path}/real`, `${folder.path}/link`);
  await symlink(`${folder.path}/none`, `${folder.path}/nowhere`);
  assert.deepEqual(await nodeDisk.list(folder.path), [
    { name: 'link', isFolder: true, size: 0 },
    { name: 'real', isFolder: true, size: 0 },
  ]);
});

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-disk-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
