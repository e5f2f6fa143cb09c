import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Disk, DiskFile } from '../../../../src/base/index.ts';
import { assertFails, bytes, plain, type Subject } from './subject.ts';

export interface DiskUnderTest {
  readonly disk: Disk;
  /** An empty folder. */
  readonly folder: string;
}

export function diskContract({ name, run }: Subject<DiskUnderTest>): void {
  const check = (what: string, body: (disk: Disk, folder: string) => Promise<void>): void =>
    void test(`${name}: ${what}`, () => run(({ disk, folder }) => body(disk, folder)));

  check('what was written is read back, and what was not reads as zero', async (disk, folder) => {
    await using file = await disk.open(`${folder}/file`, 'create');
    await file.write(bytes(1, 2, 3), 5);
    file.writeNow(bytes(4), 10);
    assert.equal(await file.size(), 11);
    assert.deepEqual(plain(await contentOf(file)), [0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 4]);
    const into = new Uint8Array(4);
    assert.equal(file.readNow(into, 9), 2);
    assert.deepEqual(plain(into), [0, 4, 0, 0]);
    assert.equal(await file.read(into, 11), 0);
    assert.equal(file.readNow(into, 1000), 0);
    await file.sync();
  });

  check('modes say whether a file must exist', async (disk, folder) => {
    const path = `${folder}/file`;
    await assertFails(disk.open(path, 'read'), 'unavailable', 'notFound');
    await assertFails(disk.open(path, 'write'), 'unavailable', 'notFound');
    await (await disk.open(path, 'createOrWrite')).close();
    await assertFails(disk.open(path, 'create'), 'unavailable', 'alreadyExists');
    for (const mode of ['write', 'createOrWrite', 'read'] as const) {
      await using file = await disk.open(path, mode);
      assert.equal(file.path, path);
      if (mode === 'write') file.writeNow(bytes(7), 0);
    }
    assert.deepEqual(plain(await readFile(disk, path)), [7]);
    await assertFails(disk.open(`${folder}/none/file`, 'create'), 'unavailable', 'notFound');
  });

  check('a file that was opened for reading refuses changes', async (disk, folder) => {
    await (await disk.open(`${folder}/file`, 'create')).close();
    await using file = await disk.open(`${folder}/file`, 'read');
    await assertFails(file.write(bytes(1), 0), 'unavailable');
    await assertFails(() => file.writeNow(bytes(1), 0), 'unavailable');
    await assertFails(file.truncate(9), 'unavailable');
    await assertFails(() => file.truncateNow(9), 'unavailable');
    assert.equal(await file.size(), 0);
  });

  check('a file reads as a plain array would after any changes', async (disk, folder) => {
    let files = 0;
    const position = fc.nat(9000);
    const change = fc.oneof(
      fc.record({
        type: fc.constantFrom('write', 'writeNow'),
        position,
        bytes: fc.uint8Array({ maxLength: 5000 }),
      }),
      fc.record({ type: fc.constantFrom('truncate', 'truncateNow'), size: position }),
    );
    const property = fc.asyncProperty(fc.array(change, { maxLength: 12 }), async (changes) => {
      await using file = await disk.open(`${folder}/${files++}`, 'create');
      let expected = new Uint8Array();
      for (const change of changes) {
        if ('bytes' in change) {
          if (change.type === 'writeNow') file.writeNow(change.bytes, change.position);
          else await file.write(change.bytes, change.position);
          // A write of nothing does not make a file longer.
          const end = change.bytes.length === 0 ? 0 : change.position + change.bytes.length;
          expected = resized(expected, Math.max(expected.length, end));
          if (change.bytes.length > 0) expected.set(change.bytes, change.position);
        } else {
          if (change.type === 'truncateNow') file.truncateNow(change.size);
          else await file.truncate(change.size);
          expected = resized(expected, change.size);
        }
        assert.equal(await file.size(), expected.length);
      }
      assert.ok(Buffer.from(expected).equals(await contentOf(file)));
    });
    await fc.assert(property, { numRuns: 30 });
  });

  check('a closed file refuses everything; closing again is no failure', async (disk, folder) => {
    const file = await disk.open(`${folder}/file`, 'create');
    const written = file.write(bytes(1), 0);
    await file.close();
    await written;
    await file.close();
    const into = new Uint8Array(1);
    await assertFails(file.read(into, 0), 'closed');
    await assertFails(() => file.readNow(into, 0), 'closed');
    await assertFails(file.write(bytes(1), 0), 'closed');
    await assertFails(() => file.writeNow(bytes(1), 0), 'closed');
    await assertFails(file.truncate(0), 'closed');
    await assertFails(() => file.truncateNow(0), 'closed');
    await assertFails(file.size(), 'closed');
    await assertFails(file.sync(), 'closed');
    assert.deepEqual(plain(await readFile(disk, `${folder}/file`)), [1]);
  });

  check('a folder lists its entries by name', async (disk, folder) => {
    await disk.makeFolder(`${folder}/b/inner`);
    await writeFile(disk, `${folder}/c`, bytes(1, 2));
    await writeFile(disk, `${folder}/a`, bytes());
    await writeFile(disk, `${folder}/B`, bytes(1));
    assert.deepEqual(await disk.list(folder), [
      { name: 'B', isFolder: false, size: 1 },
      { name: 'a', isFolder: false, size: 0 },
      { name: 'b', isFolder: true, size: 0 },
      { name: 'c', isFolder: false, size: 2 },
    ]);
    assert.deepEqual(await disk.list(`${folder}/none`), []);
    await assertFails(disk.list(`${folder}/c`), 'unavailable');
  });

  check('a folder is made with its parents, and may exist', async (disk, folder) => {
    await disk.makeFolder(`${folder}/a/b/c`);
    await disk.makeFolder(`${folder}/a/b`);
    assert.deepEqual(await disk.list(`${folder}/a`), [{ name: 'b', isFolder: true, size: 0 }]);
    await writeFile(disk, `${folder}/file`, bytes());
    await assertFails(disk.makeFolder(`${folder}/file`), 'unavailable', 'alreadyExists');
  });

  check('a file is renamed over another', async (disk, folder) => {
    await writeFile(disk, `${folder}/from`, bytes(1));
    await writeFile(disk, `${folder}/to`, bytes(2, 2));
    await disk.rename(`${folder}/from`, `${folder}/to`);
    await disk.syncFolder(folder);
    assert.deepEqual(await disk.list(folder), [{ name: 'to', isFolder: false, size: 1 }]);
    await assertFails(disk.rename(`${folder}/from`, `${folder}/to`), 'unavailable', 'notFound');
  });

  check('a folder is renamed with what is in it, not over a full one', async (disk, folder) => {
    await disk.makeFolder(`${folder}/from`);
    await disk.makeFolder(`${folder}/empty`);
    await writeFile(disk, `${folder}/from/file`, bytes(1));
    await disk.rename(`${folder}/from`, `${folder}/empty`);
    assert.deepEqual(plain(await readFile(disk, `${folder}/empty/file`)), [1]);
    await disk.makeFolder(`${folder}/other`);
    await assertFails(
      disk.rename(`${folder}/other`, `${folder}/empty`),
      'unavailable',
      'alreadyExists',
    );
  });

  check('a removed folder is gone with what was in it', async (disk, folder) => {
    await disk.makeFolder(`${folder}/a/b`);
    await writeFile(disk, `${folder}/a/b/file`, bytes(1));
    await writeFile(disk, `${folder}/file`, bytes(1));
    await disk.remove(`${folder}/a`);
    await disk.remove(`${folder}/file`);
    await disk.remove(`${folder}/none`);
    assert.deepEqual(await disk.list(folder), []);
  });

  check('a folder that does not exist cannot be synced', async (disk, folder) => {
    await disk.syncFolder(folder);
    if (process.platform === 'win32') return; // There it is nothing.
    await assertFails(disk.syncFolder(`${folder}/none`), 'unavailable', 'notFound');
  });

  check('usage tells how much room there is', async (disk, folder) => {
    const { totalBytes, freeBytes } = await disk.usage(folder);
    assert.ok(freeBytes > 0 && totalBytes >= freeBytes);
    await assertFails(disk.usage(`${folder}/none`), 'unavailable', 'notFound');
  });
}

async function contentOf(file: DiskFile): Promise<Uint8Array> {
  const into = new Uint8Array((await file.size()) + 1);
  return into.subarray(0, await file.read(into, 0));
}

async function readFile(disk: Disk, path: string): Promise<Uint8Array> {
  await using file = await disk.open(path, 'read');
  return await contentOf(file);
}

async function writeFile(disk: Disk, path: string, content: Uint8Array): Promise<void> {
  await using file = await disk.open(path, 'create');
  await file.write(content, 0);
}

function resized(content: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(size);
  copy.set(content.subarray(0, size));
  return copy;
}
