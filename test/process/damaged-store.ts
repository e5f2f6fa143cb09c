import { strict as assert } from 'node:assert';
import { cp, open, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { request } from '../interop/support/frames.ts';
import { type TemporaryFolder, temporaryFolder } from '../interop/support/locations.ts';
import { startTarget, type Target } from '../interop/support/target.ts';
import { eventually } from '../interop/support/waiting.ts';
import { GroupWriter, missingGroups } from './group-writer.ts';
import { LoadGenerator, queueEnd } from './load-generator.ts';

const updateTopic = 17;
const topicConfig = 351;
/** In one of the 4 queues when the broker is killed: about 6 segments in all. */
const messagesOfQueue = 1100;
const loadLimitMs = 120_000;
const topic = 'kept';

/** Small, so that a store has many. */
export const segmentBytes = 1_048_576;

/**
 * A store that a broker left when it was killed under load, and what it had acknowledged by then. Each test damages a
 * copy of it.
 */
export class DamagedStore implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #target: Target;
  readonly #loadGenerator: LoadGenerator;
  readonly #groups: readonly string[];
  #logBefore = 0;

  private constructor(
    folder: TemporaryFolder,
    target: Target,
    loadGenerator: LoadGenerator,
    groups: readonly string[],
  ) {
    this.#folder = folder;
    this.#target = target;
    this.#loadGenerator = loadGenerator;
    this.#groups = groups;
  }

  /** With settings of the broker besides those that make small files. */
  static async make(settings: Readonly<Record<string, string>> = {}): Promise<DamagedStore> {
    const loadGenerator = await LoadGenerator.build();
    const folder = await temporaryFolder('damaged-store');
    const mappedFileSizeCommitLog = String(segmentBytes);
    const target = await startTarget({
      kind: 'holdfast',
      settings: { flushDiskType: 'SYNC_FLUSH', mappedFileSizeCommitLog, ...settings },
    });
    const groupWriter = new GroupWriter(target.broker, 'kept-group-');
    const loads = [
      loadGenerator.begin([
        ...['send', '-a', target.broker, '-t', topic, '-j', join(folder.path, 'messages')],
        ...['-c', '4', '-w', '4', '-q', '4', '-s', '1000', '-r', '3000', '--keys'],
      ]),
      loadGenerator.begin([
        ...['create-topics', '-a', target.broker, '-j', join(folder.path, 'topics')],
        ...['-c', '2', '-w', '1', '-r', '200', '--prefix', 'kept-topic-'],
      ]),
    ];
    await eventually(loadLimitMs, `${messagesOfQueue} messages`, async () =>
      (await queueEnd(target.broker, topic)) >= messagesOfQueue ? true : undefined,
    );
    await target.kill();
    await Promise.all([...loads.map((load) => load.end()), groupWriter.end()]);
    await cp(target.dataFolder, join(folder.path, 'pristine'), { recursive: true });
    return new DamagedStore(folder, target, loadGenerator, groupWriter.acknowledged);
  }

  /** Of the files, in the data folder. */
  get path(): string {
    return join(this.#target.dataFolder, 'store');
  }

  get broker(): string {
    return this.#target.broker;
  }

  /** What the broker logged since the store was restored. */
  async log(): Promise<string> {
    const text = await readFile(this.#logPath, 'utf8');
    return text.slice(this.#logBefore);
  }

  get #logPath(): string {
    return join(this.#target.dataFolder, '..', 'server.log');
  }

  /** As it was left. */
  async restore(): Promise<void> {
    await this.#target.kill();
    this.#logBefore = (await readFile(this.#logPath, 'utf8')).length;
    await rm(this.#target.dataFolder, { recursive: true, force: true });
    await cp(join(this.#folder.path, 'pristine'), this.#target.dataFolder, { recursive: true });
  }

  start(): Promise<void> {
    return this.#target.start();
  }

  stop(): Promise<number | undefined> {
    return this.#target.stop();
  }

  /** Empty when all that was acknowledged is there. */
  async missing(): Promise<string> {
    const { broker } = this.#target;
    const [messages, topics] = [
      await this.#loadGenerator.verifyMessages(broker, join(this.#folder.path, 'messages')),
      await this.#loadGenerator.verifyTopics(broker, join(this.#folder.path, 'topics')),
    ];
    assert.ok(messages.journal > 3000 && topics.journal > 20, 'there was load');
    const groups = await missingGroups(broker, this.#groups);
    return [
      messages.faults === 0 ? '' : `messages: ${messages.text} of ${messages.journal}`,
      topics.faults === 0 ? '' : `topics: ${topics.text}`,
      groups.length === 0 ? '' : `groups: ${groups.join(' ')}`,
    ]
      .filter((text) => text !== '')
      .join('; ');
  }

  /** That topics, groups and messages which come now are there after one more start. */
  async goesOn(): Promise<void> {
    const name = `after-${Date.now()}`;
    const created = await request(this.broker, updateTopic, {
      ...{ topic: name, defaultTopic: 'TBW102', readQueueNums: '4', writeQueueNums: '4' },
      ...{ perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' },
    });
    assert.equal(created.header.code, 0, created.header.remark);
    assert.equal(await this.stop(), 0, 'exit status');
    await this.start();
    const found = await request(this.broker, topicConfig, { topic: name });
    assert.equal(found.header.code, 0, found.header.remark);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#target[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Files below a folder of the store, by name. */
export async function filesIn(store: DamagedStore, folder: string): Promise<string[]> {
  const entries = await readdir(join(store.path, folder), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(store.path, folder, entry.name))
    .sort();
}

/** Segments that hold records, oldest first; those made ahead of their use are left out. */
export async function usedSegments(store: DamagedStore): Promise<string[]> {
  const used: string[] = [];
  for (const path of await filesIn(store, 'commitlog')) {
    if (await hasContent(path)) used.push(path);
  }
  assert.ok(used.length >= 4, `${used.map((path) => basename(path)).join(' ')} are enough`);
  return used;
}

/** Whether a segment holds records. */
export async function hasContent(path: string): Promise<boolean> {
  await using file = await open(path, 'r');
  const { buffer } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
  return buffer.some((byte) => byte !== 0);
}

/** Inverts 8 bytes at a fraction of a file's content. */
export async function damageFile(path: string, fraction: number): Promise<void> {
  await using file = await open(path, 'r+');
  const bytes = await file.readFile();
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  const at = Math.max(0, Math.min(end - 8, Math.floor(end * fraction)));
  const damaged = bytes.subarray(at, Math.min(end, at + 8)).map((byte) => byte ^ 0xff);
  await file.write(damaged, 0, damaged.length, at);
  await file.sync();
}
