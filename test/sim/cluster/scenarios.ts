import type { TestReplica } from '../../../src/broker/replication/test-group.ts';
import type { FileInode, Inode, SimRandom } from '../ports/index.ts';
import type { Cluster } from './cluster.ts';

/**
 * A history that chance alone would take long to find: each is one for which a rule of docs/protocol.md is there. Goes on
 * while clients work; what does not come in time is left out.
 */
export interface Scenario {
  readonly name: string;
  readonly happen: (cluster: Cluster, random: SimRandom) => Promise<void>;
}

const wholeWithinMs = 20_000;
const outOfSetMs = 12_000;

async function whole(cluster: Cluster): Promise<TestReplica | undefined> {
  await cluster.run(wholeWithinMs, () => cluster.isWhole);
  return cluster.isWhole ? cluster.master : undefined;
}

const otherThan = (
  { replicas }: Cluster,
  random: SimRandom,
  ...not: readonly TestReplica[]
): TestReplica => random.pick(replicas.filter((replica) => !not.includes(replica)));

const namesBut = ({ replicas }: Cluster, replica: TestReplica): string[] => [
  'controller',
  ...replicas.filter((other) => other !== replica).map(({ name }) => name),
];

export const scenarios: readonly Scenario[] = [
  {
    name: 'a slave loses power, and its master dies before it has caught up (rules 2 and 3)',
    async happen(cluster, random) {
      const master = await whole(cluster);
      if (master === undefined) return;
      const slave = otherThan(cluster, random, master);
      if (!cluster.mayLosePower(slave)) return;
      // Something that is acknowledged and that it has not synced.
      const stores = [master, slave].map(({ name }) => cluster.inspector.storeOf(name)?.store);
      const [leader, follower] = stores;
      const isUnsynced = (): boolean =>
        leader !== undefined &&
        follower !== undefined &&
        leader.commitPoint > follower.log.synced &&
        follower.log.written >= leader.commitPoint;
      if (!(await cluster.run(4000, isUnsynced))) return;
      cluster.world.network.partition([master.name], [slave.name]);
      cluster.kill(slave, { powerLoss: true, downMs: random.below(300) });
      await cluster.run(100 + random.below(1500));
      cluster.kill(master, { powerLoss: false, downMs: 3000 + random.below(5000) });
      await cluster.run(random.below(3000));
      cluster.world.network.heal();
      await cluster.run(8000);
    },
  },
  {
    name: 'a deposed master still serves its clients (rules 4, 10 and 13)',
    async happen(cluster, random) {
      const master = await whole(cluster);
      if (master === undefined) return;
      cluster.world.network.partition([master.name], namesBut(cluster, master));
      await cluster.run(12_000 + random.below(4000));
      if (random.chance(0.5)) cluster.kill(master, { powerLoss: cluster.isSync });
      cluster.world.network.heal();
      await cluster.run(random.below(6000));
    },
  },
  {
    name: 'the set shrinks while the answer of the controller is lost; then the master dies (rules 10 and 11)',
    async happen(cluster, random) {
      const master = await whole(cluster);
      if (master === undefined) return;
      const slave = otherThan(cluster, random, master);
      const { network } = cluster.world;
      network.partition([slave.name], namesBut(cluster, slave));
      await cluster.run(random.below(3000));
      network.block('controller', master.name);
      await cluster.run(1000 + random.below(4000));
      cluster.kill(master, { powerLoss: cluster.isSync, downMs: 4000 + random.below(4000) });
      await cluster.run(random.below(1000));
      network.heal();
      await cluster.run(8000);
    },
  },
  {
    name: 'the set grows while the answer of the controller is lost; then the master dies (rules 9 and 11)',
    async happen(cluster, random) {
      const master = await whole(cluster);
      if (master === undefined) return;
      const slave = otherThan(cluster, random, master);
      const { id } = slave;
      const { network } = cluster.world;
      await downAndOut(cluster, slave);
      await cluster.run(1000);
      cluster.start(slave);
      const follows = (): boolean => slave.role === 'slave';
      await cluster.run(10_000, follows);
      if (random.chance(0.7)) network.block('controller', master.name);
      const isIn = (): boolean =>
        id !== undefined && (cluster.controllerSet.includes(id) || cluster.set.includes(id));
      await cluster.run(6000, isIn);
      network.delay(master.name, slave.name, 500 + random.below(2000));
      await cluster.run(200 + random.below(1000));
      cluster.kill(master, { powerLoss: cluster.isSync, downMs: 5000 + random.below(3000) });
      network.heal();
      await cluster.run(8000);
    },
  },
  {
    name: 'definitions go on while a slave is down; it comes back far behind, and the master dies (rule 9)',
    async happen(cluster, random) {
      const master = await whole(cluster);
      if (master === undefined) return;
      const slave = otherThan(cluster, random, master);
      const { id } = slave;
      const { network } = cluster.world;
      await downAndOut(cluster, slave);
      await cluster.run(2000 + random.below(2000));
      // What it lacks arrives late.
      network.delay(master.name, slave.name, 300 + random.below(1000));
      cluster.start(slave);
      await cluster.run(random.below(6000), () => id !== undefined && cluster.set.includes(id));
      cluster.kill(master, { powerLoss: cluster.isSync, downMs: 4000 + random.below(4000) });
      await cluster.run(500);
      network.heal();
      await cluster.run(8000);
    },
  },
  {
    name: 'a master writes what nobody takes; its log is cut when it comes back, and it dies again (rule 6)',
    async happen(cluster, random) {
      const master = await whole(cluster);
      if (master === undefined) return;
      const { network } = cluster.world;
      for (const slave of cluster.slaves) network.block(master.name, slave.name);
      await cluster.run(200 + random.below(2500));
      cluster.kill(master, { powerLoss: false, downMs: 60_000 });
      network.heal();
      await cluster.run(10_000, () => cluster.master !== undefined && cluster.master !== master);
      await cluster.run(random.below(2000));
      // The cut, and then nothing that would be written over it.
      for (const other of cluster.replicas) {
        if (other !== master) network.delay(other.name, master.name, 50 + random.below(300));
      }
      cluster.start(master);
      const before = cluster.cutsOf(master);
      await cluster.run(10_000, () => cluster.cutsOf(master) > before);
      await cluster.run(random.below(400));
      cluster.kill(master, { powerLoss: cluster.isSync && random.chance(0.5), downMs: 100 });
      network.heal();
      await cluster.run(6000);
    },
  },
  {
    name: 'all lose power, one after the other, and come back in any order (rules 1 to 3)',
    async happen(cluster, random) {
      if ((await whole(cluster)) === undefined) return;
      for (const replica of cluster.replicas) {
        cluster.kill(replica, { powerLoss: cluster.isSync, downMs: random.below(4000) });
        await cluster.run(random.below(100));
      }
      await cluster.run(9000);
    },
  },
  {
    name: 'a master restarts before anybody calls it dead (rule 1)',
    async happen(cluster, random) {
      const master = await whole(cluster);
      if (master === undefined) return;
      const { network } = cluster.world;
      for (const slave of cluster.slaves) {
        if (random.chance(0.5)) network.block('controller', slave.name);
        else cluster.kill(slave, { powerLoss: false, downMs: 2000 + random.below(3000) });
      }
      await cluster.run(random.below(300));
      cluster.kill(master, { powerLoss: cluster.isSync, downMs: random.below(100) });
      await cluster.run(2000 + random.below(3000));
      network.heal();
      await cluster.run(6000);
    },
  },
  {
    name: 'an fsync fails, and later the machine loses power (rule 8)',
    async happen(cluster, random) {
      if ((await whole(cluster)) === undefined) return;
      const replica = random.pick(cluster.replicas);
      cluster.failSyncs(replica, 300 + random.below(1500));
      await cluster.run(2000 + random.below(1000));
      const powerLoss = cluster.mayLosePower(replica);
      cluster.kill(replica, { powerLoss, downMs: random.below(2000) });
      await cluster.run(4000);
    },
  },
  {
    name: 'the roles change again and again',
    async happen(cluster, random) {
      for (let count = 4 + random.below(5); count > 0; count--) {
        cluster.switchOver(random);
        await cluster.run(200 + random.below(2000));
        const { master } = cluster;
        if (master !== undefined && random.below(5) === 0) {
          cluster.kill(master, { powerLoss: cluster.isSync && random.chance(0.5) });
        }
      }
    },
  },
  {
    name: 'a node loses its files and comes back empty',
    async happen(cluster, random) {
      const master = await whole(cluster);
      if (master === undefined || !cluster.mayLoseOne()) return;
      const replica = random.chance(0.3) ? master : otherThan(cluster, random, master);
      const { id } = replica;
      await cluster.wipe(replica);
      // The others must be told that it is not coming back before anything else may happen to them.
      await cluster.run(30_000, () => id !== undefined && isOut(cluster, id));
      await cluster.run(random.below(3000));
      const next = cluster.master;
      if (next !== undefined && next !== replica && random.chance(0.5)) {
        cluster.kill(next, { powerLoss: false });
        await cluster.run(6000);
      }
      if (id !== undefined && random.chance(0.5)) await cluster.forget(id);
    },
  },
  {
    name: 'bits flip in the files of a slave, which repairs itself (rule 2, promise P6)',
    async happen(cluster, random) {
      const master = await whole(cluster);
      if (master === undefined || !cluster.mayLoseOne()) return;
      const slave = otherThan(cluster, random, master);
      const { id } = slave;
      if (random.chance(0.7)) {
        cluster.kill(slave, { powerLoss: false, downMs: 500 });
        await cluster.run(100);
      }
      cluster.inspector.damaged(slave.name);
      cluster.onNote(`${slave.name}: ${flipBits(slave, random)}`);
      cluster.counts.flips++;
      // It is found at the start, or when the segment is looked at; nothing else may happen to the others before.
      await cluster.run(3000);
      if (!cluster.isDown(slave)) cluster.kill(slave, { powerLoss: false, downMs: 100 });
      await cluster.run(1000);
      await cluster.run(40_000, () => cluster.isWhole && slave.id !== undefined);
      if (slave.id !== id && id !== undefined) await cluster.forget(id);
    },
  },
  {
    name: 'the controller loses its file, and an operator recovers the group (rule 12)',
    async happen(cluster, random) {
      if ((await whole(cluster)) === undefined) return;
      cluster.crashController(true, 60_000);
      cluster.mayFreeze = true;
      await cluster.group.loseControllerFile();
      await cluster.run(random.below(4000));
      await cluster.complete(cluster.startController());
      await cluster.run(random.below(12_000));
      await recovered(cluster);
    },
  },
  {
    name: 'the controller gets an old copy of its file (rule 12)',
    async happen(cluster, random) {
      const master = await whole(cluster);
      if (master === undefined) return;
      const slave = otherThan(cluster, random, master);
      const copy = cluster.copyControllerFile();
      await downAndOut(cluster, slave);
      await cluster.run(1000 + random.below(1000));
      cluster.mayFreeze = true;
      cluster.crashController(false, 60_000);
      cluster.restoreControllerFile(copy);
      await cluster.complete(cluster.startController());
      // The master is heard, and knows more.
      await cluster.run(3000);
      cluster.start(slave);
      await cluster.run(random.below(2000));
      cluster.kill(master, { powerLoss: false, downMs: 5000 + random.below(3000) });
      await cluster.run(10_000);
      await recovered(cluster);
    },
  },
];

/** The slave is down, until it is started, and out of the set if that takes no longer than it should. */
async function downAndOut(cluster: Cluster, slave: TestReplica): Promise<void> {
  const { id } = slave;
  cluster.kill(slave, { powerLoss: false, downMs: 60_000 });
  await cluster.run(outOfSetMs, () => id !== undefined && !cluster.set.includes(id));
}

const isOut = (cluster: Cluster, id: number): boolean =>
  cluster.master !== undefined && !cluster.set.includes(id);

/** An operator tries until it is done: all of the set must be there. */
async function recovered(cluster: Cluster): Promise<void> {
  for (let tried = 0; tried < 10; tried++) {
    if (cluster.frozen === undefined || (await cluster.recover())) return;
    await cluster.run(1000);
  }
}

/**
 * In one of the files of a store, or in a database. Not in the file with its number: a node without it waits for a
 * person.
 */
function flipBits({ node, options }: TestReplica, random: SimRandom): string {
  const { storePath } = options;
  const folder = node.drive.find(storePath);
  if (folder === undefined) return 'no store';
  if (random.below(5) === 0) {
    const database = `${storePath}/${random.pick(['metadata', 'queues'])}`;
    if (node.drive.find(database) !== undefined) node.keyValueStores.damage(database);
    return database;
  }
  const files = filesIn(folder, storePath).filter(
    ([path, { current }]) => current.size > 0 && !path.endsWith('/brokerIdentity'),
  );
  if (files.length === 0) return 'no file';
  const [path, file] = random.pick(files);
  // A log is long and mostly empty.
  const used = file.current.pageCount * 4096;
  const position = random.below(Math.min(used, file.current.size));
  node.drive.flipBit(path, position, random.below(8));
  return `${path} at ${position}`;
}

function filesIn(inode: Inode, path: string): [string, FileInode][] {
  if (inode.type === 'file') return [[path, inode]];
  return [...inode.current].flatMap(([name, child]) => filesIn(child, `${path}/${name}`));
}
