import type { BrokerId, Clock } from '../../base/index.ts';
import type { GroupAuthority } from '../replication/authority.ts';
import type { InSync } from '../replication/in-sync.ts';
import type { FollowerState } from '../replication/membership.ts';
import type { Replica } from '../replication/replica.ts';
import type { ReplicaRole } from '../replication/replica-host.ts';
import { gauge } from './apache-metrics.ts';
import type { Metric, Sample } from './exposition.ts';

export interface ReplicaParts {
  readonly self: BrokerId;
  readonly replica: Replica;
  readonly authority: GroupAuthority;
  readonly inSync: InSync;
  readonly clock: Clock;
}

const roles: readonly ReplicaRole[] = ['waiting', 'becomingMaster', 'master', 'slave', 'stopping'];

/** What a replica is in its group: also told while it has no store that it could open. */
export function replicaMetrics(parts: ReplicaParts): Metric[] {
  const { replica, inSync, clock } = parts;
  return [
    {
      name: 'holdfast_role',
      type: 'gauge',
      help: '1 for the role of this replica, 0 for the others.',
      samples: () =>
        roles.map((role) => ({ labels: { role }, value: role === replica.role ? 1 : 0 })),
    },
    gauge('holdfast_following', '1 while a leader sends its log to this replica.', () => {
      return replica.isFollowing ? 1 : 0;
    }),
    optional(
      'holdfast_in_sync',
      '1 while this replica is in the in-sync set, by the last word of whoever decides; absent where nobody tells it.',
      () => isInSync(parts),
    ),
    gauge(
      'holdfast_store_damaged',
      '1 when something of the store is damaged: it is to be replaced.',
      () => (inSync.isDamaged ? 1 : 0),
    ),
    gauge(
      'holdfast_store_complete',
      '0 while this replica could not lead: without a store, with one to be replaced, or not caught up after that.',
      () => (replica.report().complete ? 1 : 0),
    ),
    optional(
      'holdfast_replication_lag_bytes',
      'What the set has committed and this follower has not written, by the last word of its leader.',
      () => {
        const { heard, local } = replica;
        if (heard === undefined || local === undefined) return undefined;
        return Math.max(0, heard.commitPoint - local.store.log.written);
      },
    ),
    optional(
      'holdfast_leader_silence_seconds',
      'Since this follower heard of its leader.',
      () => replica.heard && Math.max(0, clock.monotonicMs() - replica.heard.atMs) / 1000,
    ),
    gauge('holdfast_group_replicas', 'Replicas of the group, whether they live or not.', () => {
      return inSync.replicas;
    }),
    gauge(
      'holdfast_in_sync_replicas',
      'Replicas in sync, the master included; 0 on others.',
      () => inSync.count,
    ),
    gauge(
      'holdfast_no_in_sync_follower',
      '1 while what the master acknowledges is on itself only, although the group has more replicas.',
      () => (inSync.loneliness === undefined ? 0 : 1),
    ),
    gauge(
      'holdfast_followers_with_other_metadata',
      'Followers whose metadata differ from those of the master at an equal position.',
      () => inSync.different,
    ),
    gauge(
      'holdfast_metadata_min_in_sync_replicas',
      'Definitions are refused while fewer are in sync.',
      () => inSync.metadataMinimum,
    ),
    {
      name: 'holdfast_follower_connected',
      type: 'gauge',
      help: 'Told by the master of each follower that it has seen: 1 while it is connected.',
      samples: () => ofFollowers(replica, ({ isConnected }) => (isConnected ? 1 : 0)),
    },
    {
      name: 'holdfast_follower_lag_bytes',
      type: 'gauge',
      help: 'Told by the master of each follower that it has seen: what it has not reported as written.',
      samples: () => ofFollowers(replica, ({ written }, end) => Math.max(0, end - written)),
    },
  ];
}

function* ofFollowers(
  { leader, local }: Replica,
  value: (follower: FollowerState, end: number) => number,
): Generator<Sample> {
  for (const follower of leader.followers.values()) {
    const labels = { broker_id: String(follower.broker) };
    yield { labels, value: value(follower, local?.store.log.end ?? 0) };
  }
}

function isInSync({ self, replica, authority }: ReplicaParts): number | undefined {
  const store = replica.local?.store;
  const set = store?.role === 'leader' ? store.positions.confirmed : authority.view?.set;
  // A slave without a controller is told of no set, not even an empty one.
  return set === undefined || set.length === 0 ? undefined : Number(set.includes(self));
}

/** A metric of one sample, or of none. */
function optional(name: string, help: string, value: () => number | undefined): Metric {
  return {
    name,
    type: 'gauge',
    help,
    *samples() {
      const now = value();
      if (now !== undefined) yield { value: now };
    },
  };
}
