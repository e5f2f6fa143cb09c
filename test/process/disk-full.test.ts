import { strict as assert } from 'node:assert';
import { mkdir, open, readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../interop/support/frames.ts';
import { type TemporaryFolder, temporaryFolder } from '../interop/support/locations.ts';
import { run, runOrThrow } from '../interop/support/processes.ts';
import { startTarget, type Target } from '../interop/support/target.ts';
import { eventually } from '../interop/support/waiting.ts';
import { type Load, LoadGenerator, untilUnderLoad } from './load-generator.ts';

/**
 * A disk that gets full while messages and topics come in, and has room again: a small file system in memory, which
 * only root may mount. What cannot be stored is refused, nothing that was acknowledged is lost, and no restart is needed.
 */
const limitMs = 240_000;
const loadMs = 500;
const waitMs = 60_000;
const diskBytes = 96 * 2 ** 20;
const mountMs = 10_000;
const updateTopic = 17;
const topic = 'full-messages';

let loadGenerator: LoadGenerator;
let folder: TemporaryFolder;
let whyNot: string | undefined;

before(
  async () => {
    loadGenerator = await LoadGenerator.build();
    folder = await temporaryFolder('disk-full');
    const probe = join(folder.path, 'probe');
    await mkdir(probe);
    whyNot = await mount(probe);
    if (whyNot === undefined) await unmount(probe);
  },
  { timeout: limitMs },
);
after(() => folder?.[Symbol.asyncDispose]());

/** Undefined when it was done. */
async function mount(path: string): Promise<string | undefined> {
  const options = ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', path];
  const { code, stderr } = await run('mount', options, { limitMs: mountMs });
  return code === 0 ? undefined : `needs the right to mount a file system: ${stderr.trim()}`;
}

const unmount = (path: string): Promise<string> =>
  runOrThrow('umount', ['--lazy', path], { limitMs: mountMs });

/** A broker whose data folder is a disk of its own, and a load that is noted in journals. */
class SmallDisk implements AsyncDisposable {
  readonly target: Target;
  readonly journals = {
    messages: join(folder.path, 'messages'),
    topics: join(folder.path, 'topics'),
  };
  #loads: readonly Load[] = [];

  private constructor(target: Target) {
    this.target = target;
  }

  static async start(settings: Readonly<Record<string, string>>): Promise<SmallDisk> {
    const target = await startTarget({
      kind: 'holdfast',
      settings: {
        mappedFileSizeCommitLog: String(4 * 2 ** 20),
        // Nothing that was acknowledged may go to make room.
        cleanFileForciblyEnable: 'false',
        ...settings,
      },
    });
    const small = new SmallDisk(target);
    await target.stop();
    await rm(target.dataFolder, { recursive: true, force: true });
    await mkdir(target.dataFolder);
    assert.equal(await mount(target.dataFolder), undefined);
    await target.start();
    return small;
  }

  async load(): Promise<void> {
    const at = ['-a', this.target.broker];
    this.#loads = [
      loadGenerator.begin([
        ...['send', ...at, '-t', topic, '-j', this.journals.messages, '-s', '300'],
        ...['-c', '4', '-w', '2', '-q', '4', '-r', '400'],
      ]),
      loadGenerator.begin([
        ...['create-topics', ...at, '--prefix', 'full-topic-', '-j', this.journals.topics],
        ...['-c', '1', '-w', '1', '-r', '20'],
      ]),
    ];
    await untilUnderLoad(this.target.broker, topic);
    await sleep(loadMs); // So that there is something to lose.
  }

  /** Takes all that is free but `leftBytes`. */
  async fill(leftBytes: number): Promise<void> {
    await using file = await open(this.#filler, 'w');
    const page = Buffer.alloc(64 * 1024);
    for (;;) {
      const { bavail, bsize } = await statfs(this.target.dataFolder);
      const take = Math.min(page.length, bavail * bsize - leftBytes);
      if (take <= 0) return;
      try {
        await file.write(page.subarray(0, take));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
        throw error;
      }
    }
  }

  empty(): Promise<void> {
    return rm(this.#filler);
  }

  get #filler(): string {
    return join(this.target.dataFolder, 'filler');
  }

  async untilCreates(accepted: boolean): Promise<string> {
    let count = 0;
    return eventually(waitMs, accepted ? 'topics are accepted' : 'topics are refused', async () => {
      count += 1;
      const { header } = await request(this.target.broker, updateTopic, {
        ...{ topic: `probe-${accepted}-${count}`, defaultTopic: 'TBW102', readQueueNums: '1' },
        ...{ writeQueueNums: '1', perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0' },
        order: 'false',
      });
      return (header.code === 0) === accepted ? `${header.code} ${header.remark}` : undefined;
    });
  }

  async endLoad(): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.end()));
    this.#loads = [];
  }

  async check(): Promise<void> {
    const { broker } = this.target;
    const messages = await loadGenerator.verifyMessages(broker, this.journals.messages);
    assert.equal(messages.faults, 0, messages.text);
    assert.ok(messages.journal > 100, `${messages.journal} messages were acknowledged`);
    const topics = await loadGenerator.verifyTopics(broker, this.journals.topics);
    assert.equal(topics.faults, 0, topics.text);
  }

  log(): Promise<string> {
    return readFile(join(this.target.dataFolder, '..', 'server.log'), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.target.kill();
    await this.endLoad().catch(() => {}); // What made the test fail is what to tell.
    await unmount(this.target.dataFolder);
    await this.target[Symbol.asyncDispose]();
  }
}

/** The broker does not look at the disk; it learns that it is full from writes that fail. */
const withoutGuard = { cleanResourceInterval: '3600000', flushDiskType: 'SYNC_FLUSH' };

function onSmallDisk(
  name: string,
  settings: Readonly<Record<string, string>>,
  body: (small: SmallDisk) => Promise<void>,
): void {
  test(name, { timeout: limitMs }, async (t) => {
    if (whyNot !== undefined) return t.skip(whyNot);
    await using small = await SmallDisk.start(settings);
    await body(small);
  });
}

onSmallDisk(
  'a disk without a free byte: writes are refused, and accepted again when there is room',
  withoutGuard,
  async (small) => {
    await small.load();
    await small.fill(0);
    const refusal = await small.untilCreates(false);
    // Or what the write that just failed left is still being cut.
    assert.match(refusal, /disk|space|room|not durably gone/i);
    await small.empty();
    await small.untilCreates(true);
    await small.endLoad();
    await small.check();
    await small.target.kill();
    await small.target.start();
    await small.check();
  },
);

onSmallDisk(
  'a broker that is killed on a full disk: all is there when it starts with room again',
  withoutGuard,
  async (small) => {
    await small.load();
    await small.fill(0);
    await small.untilCreates(false);
    await small.target.kill();
    await assert.rejects(small.target.start(), /no space|disk is full|ENOSPC/i);
    await small.empty();
    await small.target.start();
    await small.untilCreates(true);
    await small.endLoad();
    await small.check();
  },
);

onSmallDisk(
  'a broker that is stopped on a full disk ends in order, and nothing is lost',
  withoutGuard,
  async (small) => {
    await small.load();
    await small.fill(0);
    await small.untilCreates(false);
    assert.equal(await small.target.stop(), 0, 'exit status');
    await small.empty();
    await small.target.start();
    await small.endLoad();
    await small.check();
  },
);

onSmallDisk(
  'a disk that is nearly full: writes are refused before it is, and accepted again',
  { cleanResourceInterval: '200' },
  async (small) => {
    await small.load();
    await small.fill(diskBytes * 0.05);
    assert.match(await small.untilCreates(false), /disk is \d+\.\d % full/);
    await small.empty();
    await small.untilCreates(true);
    await small.endLoad();
    await small.check();
  },
);
