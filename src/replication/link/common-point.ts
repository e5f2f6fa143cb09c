import type { PhysicalOffset } from '../../base/index.ts';
import { physicalOffset } from '../../base/index.ts';
import { type EpochEntry, isSameEpoch } from '../../log/index.ts';
import type { FollowerState, JoinAction } from './frames.ts';

export interface LeaderLog {
  readonly begin: PhysicalOffset;
  readonly end: PhysicalOffset;
  readonly segmentBytes: number;
  readonly epochs: readonly EpochEntry[];
}

export type Judgement =
  | { readonly action: JoinAction; readonly position: PhysicalOffset }
  | { readonly refused: string };

/**
 * Protocol rule 6: how a follower with this state can follow this log. Its tables never undo, so that below `applied`
 * nothing is cut; an empty follower gets all that is retained.
 */
export function judge(leader: LeaderLog, follower: FollowerState): Judgement {
  const install: Judgement = { action: 'install', position: leader.begin };
  if (follower.segmentBytes !== leader.segmentBytes) {
    return {
      refused: `its segments have ${follower.segmentBytes} bytes, those of the leader ${leader.segmentBytes}`,
    };
  }
  if (follower.holding === 'installing') return install;
  if (follower.holding === 'nothing') {
    return leader.begin === 0 ? { action: 'follow', position: physicalOffset(0) } : install;
  }
  // Its log began with the record of an epoch: which one, and where, was lost with the file and the oldest segments.
  if (follower.epochs.length === 0) return install;
  const point = commonPoint(leader, follower);
  if (point === undefined) {
    const [mine, theirs] = [describe(leader.epochs), describe(follower.epochs)];
    return {
      refused: `its log has nothing in common with the leader's: epochs ${theirs}, here ${mine}`,
    };
  }
  if (point < follower.applied || point < follower.begin || point < leader.begin) return install;
  return { action: point < follower.end ? 'cut' : 'follow', position: point };
}

/** Undefined when no epoch began by the same start at the same position in both. */
function commonPoint(
  leader: Pick<LeaderLog, 'end' | 'epochs'>,
  follower: Pick<FollowerState, 'end' | 'epochs'>,
): PhysicalOffset | undefined {
  const led = new Map(leader.epochs.map((entry) => [entry.epoch, entry]));
  const shared = follower.epochs.findLast((entry) => {
    const own = led.get(entry.epoch);
    return own !== undefined && isSameEpoch(own, entry);
  });
  if (shared === undefined) return undefined;
  return physicalOffset(Math.min(endOf(shared, leader), endOf(shared, follower)));
}

function endOf(
  entry: EpochEntry,
  log: { readonly end: PhysicalOffset; readonly epochs: readonly EpochEntry[] },
): PhysicalOffset {
  return log.epochs.find(({ epoch }) => epoch > entry.epoch)?.start ?? log.end;
}

function describe(epochs: readonly EpochEntry[]): string {
  const shown = epochs.slice(-3).map(({ epoch, start }) => `${epoch} at ${start}`);
  return shown.length === 0 ? 'none' : shown.join(', ');
}
