import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { eventually } from '../../../interop/support/waiting.ts';
import { damageFile, hasContent } from '../../damaged-store.ts';
import type { GroupNode } from '../group.ts';
import type { Round } from '../round.ts';
import { workOn } from '../work.ts';

/** Many files in a short time, and a look at all of them every half a second. */
export const smallFiles: readonly string[] = [
  'mappedFileSizeCommitLog=1m',
  'maxMessageSize=262144',
  'cleanResourceInterval=500',
];

const paddings = 30;
const paddingChars = 100_000;
const leadLimitMs = 30_000;
const nameLimitMs = 60_000;

interface Damage {
  readonly name: string;
  /** Returns what the log must name; nothing where a file is made anew without a word. */
  readonly act: (store: string) => Promise<string | undefined>;
  /** Noticed by a client that reads there, and mended once another one leads. */
  readonly isMetByReads?: boolean;
  /** The whole store is replaced. */
  readonly isInstalled?: boolean;
}

const damages: readonly Damage[] = [
  {
    name: 'the newest segment of the log damaged',
    isInstalled: true,
    act: async (store) => damaged((await segments(store)).at(-1), 0),
  },
  {
    name: 'a file of the tables (SST) damaged',
    act: async (store) => {
      await damaged((await files(store, 'metadata', /\.sst$/)).at(-1), 0.5);
      return undefined;
    },
  },
  {
    name: 'the manifest of the tables damaged',
    act: async (store) => {
      await damaged((await files(store, 'metadata', /^MANIFEST/)).at(-1), 0.5);
      return join(store, 'metadata');
    },
  },
  {
    name: '`epochs` damaged',
    act: async (store) => {
      await damaged(join(store, 'epochs'), 0.5);
      return undefined;
    },
  },
  {
    name: '`group` damaged',
    isInstalled: true,
    act: (store) => damaged(join(store, 'group'), 0.5),
  },
  {
    name: 'a file of the queues (SST) damaged',
    isMetByReads: true,
    act: async (store) => {
      await damaged((await files(store, 'queues', /\.sst$/)).at(-1), 0.5);
      return undefined;
    },
  },
  {
    name: 'an older segment of the log damaged',
    isInstalled: true,
    act: async (store) => damaged((await segments(store))[1], 0.5),
  },
  {
    name: 'a segment of the log removed',
    isInstalled: true,
    act: async (store) => {
      const path = (await segments(store))[1];
      if (path === undefined) throw new Error('no second segment');
      await rm(path);
      return path;
    },
  },
];

/** A slave whose files are damaged while it is stopped comes back, and is promoted by the death of the master. */
export async function damagedSlave(round: Round): Promise<void> {
  const { group } = round;
  const master = await group.untilComplete();
  const slave = group.other(master);
  await fill(round, master);
  await group.stop(slave);
  const { isMetByReads = false } = await returnDamaged(round, slave);
  await round.kill(master);
  await round.firstWrite(slave);
  if (!isMetByReads) await round.compareMaster(slave);
  await group.start(master);
  await group.untilComplete();
  // Whoever meets it as the master hands over, and its clients on.
  if (isMetByReads) await round.compareMaster(slave);
  await compareOther(round, slave);
}

/** The same of a master that was stopped, and replaced; it is elected again in the end. */
export async function damagedMaster(round: Round): Promise<void> {
  const { group } = round;
  const master = await group.untilComplete();
  const other = group.other(master);
  await fill(round, master);
  round.killedAtMs = performance.now();
  await group.stop(master);
  await round.firstWrite(other);
  await round.compareMaster(other);
  await returnDamaged(round, master);
  await round.compareReplica(master);
  await eventually(leadLimitMs, `${master.name} as the master again`, async () =>
    (await group.elect(master)) && (await group.state())?.master === master.address
      ? true
      : undefined,
  );
  await round.firstWrite(master);
  await group.untilComplete();
  await round.compareMaster(master);
  await compareOther(round, master);
}

/** Whoever follows; it is told when that is not the one that was not damaged. */
async function compareOther(round: Round, damagedOne: GroupNode): Promise<void> {
  const { group } = round;
  const leader = await group.untilComplete();
  if (leader !== damagedOne) round.note(`${damagedOne.name} handed over to ${leader.name}`);
  await round.compareReplica(group.other(leader));
}

async function fill(round: Round, master: GroupNode): Promise<void> {
  const { prefix } = round;
  await round.prepare(master);
  await round.at(master, async (writer) => {
    await workOn(writer, prefix);
    const topic = `${prefix}large`;
    await writer.defineTopic(topic, { queues: 1, perm: 6, messageType: '' });
    for (let index = 0; index < paddings; index += 1) {
      await writer.send(topic, 0, `${index} ${'x'.repeat(paddingChars)}`);
    }
  });
}

/** Damages the files of a node that is down, starts it, and waits until it counts again. */
async function returnDamaged(round: Round, node: GroupNode): Promise<Damage> {
  const { group } = round;
  const damage = damages[(round.number - 1) % damages.length] as Damage;
  const path = await damage.act(group.storeOf(node));
  const before = (await group.logOf(node)).length;
  await group.start(node);
  await group.untilComplete();
  const said = async (): Promise<string> => (await group.logOf(node)).slice(before);
  const lines = [
    ...(path === undefined ? [] : [path]),
    ...(damage.isInstalled === true ? ['the store is installed'] : []),
  ];
  for (const line of lines) {
    await eventually(nameLimitMs, `${line} in the log of ${node.name}`, async () =>
      (await said()).includes(line) ? true : undefined,
    );
  }
  // What is found by a look at it while it follows puts it out of the set for a while.
  await group.untilComplete();
  const how = /the store is installed/.exec(await said())?.[0];
  const named = path === undefined ? '' : `, named ${basename(path)}`;
  round.note(`${node.name}: ${damage.name}: ${how ?? 'it goes on with its store'}${named}`);
  return damage;
}

async function damaged(path: string | undefined, fraction: number): Promise<string> {
  if (path === undefined) throw new Error('no such file');
  await damageFile(path, fraction);
  return path;
}

async function files(store: string, folder: string, name: RegExp): Promise<readonly string[]> {
  const names = await readdir(join(store, folder));
  return names
    .filter((one) => name.test(one))
    .sort()
    .map((one) => join(store, folder, one));
}

/** Those that hold records. */
async function segments(store: string): Promise<readonly string[]> {
  const used: string[] = [];
  for (const path of await files(store, 'commitlog', /^\d+$/)) {
    if (await hasContent(path)) used.push(path);
  }
  if (used.length < 3) throw new Error(`${used.length} segments are not enough`);
  return used;
}
