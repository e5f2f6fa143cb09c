import type { TestReplica } from '../../../src/broker/replication/test-group.ts';
import type { SimRandom } from '../ports/index.ts';
import type { Cluster } from './cluster.ts';

const hourMs = 3_600_000;

interface Fault {
  /** How often, compared with the others. */
  readonly weight: number;
  readonly happen: (cluster: Cluster, replica: TestReplica, random: SimRandom) => void;
}

/** Any node that this replica talks to: the controller, the others, its clients. */
const peerOf = (cluster: Cluster, replica: TestReplica, random: SimRandom): string =>
  random.pick([
    'controller',
    replica.client.name,
    ...cluster.replicas.filter((other) => other !== replica).map(({ name }) => name),
  ]);

const faults: Readonly<Record<string, Fault>> = {
  kill: {
    weight: 3,
    happen: (cluster, replica) => cluster.kill(replica, { powerLoss: false }),
  },
  powerLoss: {
    weight: 2,
    happen: (cluster, replica) =>
      cluster.kill(replica, { powerLoss: cluster.mayLosePower(replica) }),
  },
  powerLossOfAll: {
    weight: 1,
    happen: (cluster) => {
      for (const each of cluster.replicas) cluster.kill(each, { powerLoss: cluster.isSync });
    },
  },
  oneWay: {
    weight: 3,
    happen: (cluster, replica, random) => {
      const { network } = cluster.world;
      const peer = peerOf(cluster, replica, random);
      if (random.chance(0.5)) network.block(replica.name, peer);
      else network.block(peer, replica.name);
    },
  },
  partition: {
    weight: 2,
    happen: (cluster, replica, random) =>
      cluster.world.network.partition([replica.name], [peerOf(cluster, replica, random)]),
  },
  heal: { weight: 3, happen: ({ world }) => world.network.heal() },
  /** Answers that are under way are lost. */
  cut: {
    weight: 2,
    happen: (cluster, replica, random) =>
      cluster.world.network.cut(replica.name, peerOf(cluster, replica, random)),
  },
  /** Connections break now and then, within a piece. */
  unreliable: {
    weight: 1,
    happen: ({ world: { network } }) => {
      network.faults = {
        ...network.faults,
        breakChance: network.faults.breakChance > 0 ? 0 : 0.01,
      };
    },
  },
  /** What goes over other connections meanwhile comes first. */
  delay: {
    weight: 2,
    happen: (cluster, replica, random) => {
      const peer = peerOf(cluster, replica, random);
      const ends: [string, string] = random.chance(0.5)
        ? [replica.name, peer]
        : [peer, replica.name];
      cluster.world.network.delay(...ends, random.below(2000));
    },
  },
  pause: {
    weight: 2,
    happen: (cluster, replica, random) =>
      cluster.pause(replica, random.below(random.chance(0.3) ? 15_000 : 3000)),
  },
  clock: {
    weight: 1,
    happen: (cluster, replica, random) =>
      cluster.jumpClock(replica, (random.fraction() - 0.5) * 2 * hourMs),
  },
  fullDisk: {
    weight: 1,
    happen: (cluster, replica, random) =>
      cluster.fillDisk(replica, random.below(20_000), random.below(8000)),
  },
  failingSyncs: {
    weight: 1,
    happen: (cluster, replica, random) => cluster.failSyncs(replica, random.below(3000)),
  },
  controller: {
    weight: 2,
    happen: (cluster, _replica, random) => cluster.crashController(random.chance(0.5)),
  },
};

const wheel = Object.entries(faults).flatMap(([name, fault]) =>
  Array.from({ length: fault.weight }, () => ({ name, ...fault })),
);

/** One fault, or the end of one; says which. */
export function disturb(cluster: Cluster): string {
  const { random } = cluster;
  const { name, happen } = random.pick(wheel);
  const replica = random.pick(cluster.replicas);
  happen(cluster, replica, random);
  return `${name} ${replica.name}`;
}
