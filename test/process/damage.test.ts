import { strict as assert } from 'node:assert';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../interop/support/waiting.ts';
import { DamagedStore, damageFile, filesIn, usedSegments } from './damaged-store.ts';

/**
 * Files that are removed or damaged while the broker is down. Either it starts with all that was acknowledged, or it
 * refuses and names the file; then it has changed nothing, so that it starts once the file is back.
 */
const limitMs = 240_000;
/** One sealed segment is checked in each round of maintenance. */
const checkLimitMs = 60_000;

let store: DamagedStore;

before(
  async () => {
    store = await DamagedStore.make({ cleanResourceInterval: '500' });
  },
  { timeout: limitMs },
);
after(() => store?.[Symbol.asyncDispose]());

type Damage = () => Promise<void>;

const remove = (name: string): Promise<void> =>
  rm(join(store.path, name), { recursive: true, force: true });

/** It starts, nothing is missing, and it goes on. */
function repairs(what: string, damage: Damage): void {
  test(`${what}: it repairs itself`, { timeout: limitMs }, async () => {
    await store.restore();
    await damage();
    await store.start();
    assert.equal(await store.missing(), '');
    await store.goesOn();
    assert.equal(await store.missing(), '', 'after one more start');
  });
}

/** It does not start, and says which file is at fault. With the file as it was, all is there. */
function names(
  what: string,
  says: RegExp,
  choose: () => string | Promise<string>,
  damage: (path: string) => Promise<void>,
): void {
  test(`${what}: it names the file and changes nothing`, { timeout: limitMs }, async () => {
    await store.restore();
    const path = await choose();
    const content = await readFile(path);
    await damage(path);
    const refusal = await store.start().then(
      () => assert.fail('it started'),
      (error: Error) => error.message,
    );
    assert.match(refusal, new RegExp(literally(path)), 'the file');
    assert.match(refusal, says);
    await writeFile(path, content);
    await store.start();
    assert.equal(await store.missing(), '');
  });
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

test('a store that was only killed starts with all that was acknowledged', {
  timeout: limitMs,
}, async () => {
  await store.restore();
  await store.start();
  assert.equal(await store.missing(), '');
});

repairs('metadata removed', () => remove('metadata'));
repairs('queues removed', () => remove('queues'));
repairs('both databases removed', async () => {
  await remove('metadata');
  await remove('queues');
});
repairs('epochs removed', () => remove('epochs'));
repairs('epochs damaged', () => damageFile(join(store.path, 'epochs'), 0.5));
repairs('synced-mark removed', () => remove('synced-mark'));
repairs('checksums removed', () => remove('checksums'));

const group = (): string => join(store.path, 'group');
const mark = (): string => join(store.path, 'synced-mark');

names('group removed', /missing/, group, rm);
names('group damaged', /damaged/, group, (path) => damageFile(path, 0.7));
names('both slots of synced-mark damaged', /damaged/, mark, async (path) => {
  await damageFile(path, 0);
  await damageFile(path, 0.7);
});
names(
  'a segment in the middle removed',
  /missing/,
  async () => (await usedSegments(store))[2]!,
  rm,
);
names('the newest segment removed', /missing/, newestSegment, rm);

async function newestSegment(): Promise<string> {
  return (await usedSegments(store)).at(-1)!; // There are several.
}

test('the newest segment damaged after a clean stop: it names the file', {
  timeout: limitMs,
}, async () => {
  await store.restore();
  await store.start();
  await store.stop();
  const path = await newestSegment();
  await damageFile(path, 0);
  await assert.rejects(store.start(), new RegExp(`${literally(path)} is damaged at position`));
});

test('the first segment removed: it names the file and goes on with the rest', {
  timeout: limitMs,
}, async () => {
  await store.restore();
  const [path] = await usedSegments(store);
  await rm(path!);
  await store.start();
  assert.match(await store.log(), new RegExp(literally(path!)));
  assert.match(await store.missing(), /^messages: lost [1-9]\d*, moved 0, corrupt 0[^;]*$/);
  await store.goesOn();
});

test('the first segment and metadata removed: it names what it would need', {
  timeout: limitMs,
}, async () => {
  await store.restore();
  const [path] = await usedSegments(store);
  await rm(path!);
  await remove('metadata');
  await assert.rejects(store.start(), /metadata is unusable.*snapshots/);
});

test('an older segment damaged: the check of sealed segments names it, and the rest is served', {
  timeout: limitMs,
}, async () => {
  await store.restore();
  const path = (await usedSegments(store))[1]!;
  await damageFile(path, 0.5);
  await store.start();
  await eventually(checkLimitMs, `${path} in the log`, async () =>
    (await store.log()).includes(`${path} is damaged at position`) ? true : undefined,
  );
  assert.match(await store.missing(), /^messages: lost \d, moved [01], corrupt [01], [^;]*$/);
});

/** Not the diary, lock and options of RocksDB. */
const holdsData = /(\.sst|\.log|MANIFEST-\d+|CURRENT)$/;

for (const name of ['metadata', 'queues']) {
  test(`each file of ${name} damaged in its middle: nothing is lost, at the latest after one more start`, {
    timeout: limitMs,
  }, async (t) => {
    await store.restore();
    const paths = (await filesIn(store, name)).filter((path) => holdsData.test(path));
    assert.ok(paths.length > 2, paths.join(' '));
    for (const path of paths) {
      await store.restore();
      await damageFile(path, 0.5);
      await store.start();
      const first = await store.missing();
      if (first !== '') {
        t.diagnostic(`${basename(path)}: ${first}; after one more start nothing`);
        await store.stop();
        await store.start();
      }
      assert.equal(await store.missing(), '', basename(path));
    }
  });
}
