import type { BrokerId, PhysicalOffset } from '../../base/index.ts';

/** How a follower is doing, as far as the leader knows. */
export interface FollowerState {
  readonly broker: BrokerId;
  readonly incarnation: string;
  isConnected: boolean;
  /** Its last stop was lossy, and the authority does not know yet that this was made good: it does not count. */
  isLossy: boolean;
  /** It has a snapshot and the whole retained log. */
  isComplete: boolean;
  written: PhysicalOffset;
  synced: PhysicalOffset;
  applied: PhysicalOffset;
  /** Monotonic; of its newest report. */
  lastReportMs: number;
  /** Monotonic; of the newest moment of which it is known that it has everything that was written by then. */
  caughtUpMs: number;
  /** What was written by a moment after that one. */
  goal: { readonly position: PhysicalOffset; readonly atMs: number };
  /** Monotonic; when it may count again, after having been too slow. */
  mayJoinFromMs: number;
  /** Its disk is full, as it said, until it has all that was written then. */
  fullUntil: PhysicalOffset | undefined;
  /**
   * Its tables were compared at an equal position in this epoch. `suspect`: they were different, and it is not known yet
   * whether the leader's own are whole.
   */
  digest: 'equal' | 'suspect' | 'different' | 'unknown';
}

export interface MembershipLimits {
  /** Without a report for so long: out of the set (rule 10). */
  readonly silenceMs: number;
  /** Behind for so long: out of the set. */
  readonly lagMs: number;
  /** Who was put out waits so long before it may count again. */
  readonly hysteresisMs: number;
  /** Writes wait no longer than this for a follower that is to join, ... */
  readonly admissionMs: number;
  /** ... that is not further behind than this, ... */
  readonly admissionBytes: number;
  /** ... and not again so soon after that was in vain. */
  readonly admissionPauseMs: number;
}

export interface MembershipChange {
  readonly set: readonly BrokerId[];
  readonly reason: string;
}

/**
 * Notes what it says by its written position: a follower that reached what was written at some moment had caught up
 * then, however much was written since, so that steady load puts nobody out of the set.
 */
export function noteProgress(
  follower: FollowerState,
  written: PhysicalOffset,
  nowMs: number,
): void {
  const { fullUntil } = follower;
  if (fullUntil !== undefined && follower.written >= fullUntil) follower.fullUntil = undefined;
  if (follower.written < follower.goal.position) return;
  follower.caughtUpMs = follower.written >= written ? nowMs : follower.goal.atMs;
  follower.goal = { position: written, atMs: nowMs };
}

/**
 * Protocol rules 9 and 10: the change of the set that the leader should propose now, if any. Pure; members that the
 * leader has never heard of in this epoch count as silent since `since`.
 */
export function membershipChange(
  now: {
    readonly self: BrokerId;
    readonly set: readonly BrokerId[];
    readonly followers: ReadonlyMap<BrokerId, FollowerState>;
    /** Whoever has synced this holds all that may have been acknowledged (docs/model, T9). */
    readonly floor: PhysicalOffset;
    /** Of the leader's own log. */
    readonly synced: PhysicalOffset;
    /** Members of proposals that may still be accepted, and of the set. */
    readonly counted: readonly BrokerId[];
    /** Members that the authority knows to be dead. */
    readonly dead: ReadonlySet<BrokerId>;
    readonly nowMs: number;
    /** When this epoch's leading began. */
    readonly sinceMs: number;
  },
  limits: MembershipLimits,
): MembershipChange | undefined {
  const { self, set, followers, nowMs, sinceMs, dead } = now;
  const leaving: string[] = [];
  const staying = set.filter((member) => {
    if (member === self) return true;
    const follower = followers.get(member);
    const why =
      dead.has(member) && follower?.isConnected !== true
        ? 'is dead'
        : whyLeave(follower, nowMs, sinceMs, limits);
    if (why !== undefined) leaving.push(`broker ${member} ${why}`);
    return why === undefined;
  });
  if (leaving.length > 0) {
    // Whoever stays must be able to lead without loss, also after the loss of power (docs/model, T2).
    const isSafe = staying.every((member) => {
      const synced = member === self ? now.synced : (followers.get(member)?.synced ?? 0);
      return synced >= now.floor;
    });
    return isSafe ? { set: staying, reason: leaving.join(', ') } : undefined;
  }
  const asked = now.counted.filter((member) => !set.includes(member));
  if (asked.some((member) => !isWorthCounting(followers.get(member), nowMs, limits))) {
    // Only another confirmed set ends a proposal that was refused or not answered (docs/model, T5).
    return { set, reason: `broker ${asked.join(', ')} is not to count any more` };
  }
  for (const follower of followers.values()) {
    if (set.includes(follower.broker) || !isReady(follower, nowMs, limits)) continue;
    if (follower.isLossy || follower.synced < now.floor) continue;
    const grown = [...set, follower.broker].sort((a, b) => a - b);
    return { set: grown, reason: `broker ${follower.broker} has caught up` };
  }
  return undefined;
}

/**
 * Rule 9: who shall be waited for until it has synced all that is committed, since under load that moves on all the
 * time. So does one that lost something, as an empty node did: it is good again when it has all. `undefined`: nobody is
 * so near.
 */
export function admissible(
  now: {
    readonly set: readonly BrokerId[];
    readonly followers: ReadonlyMap<BrokerId, FollowerState>;
    readonly floor: PhysicalOffset;
    readonly nowMs: number;
  },
  limits: MembershipLimits,
): FollowerState | undefined {
  const { set, followers, floor, nowMs } = now;
  return [...followers.values()].find(
    (follower) =>
      !set.includes(follower.broker) &&
      isReady(follower, nowMs, limits) &&
      follower.written + limits.admissionBytes >= floor,
  );
}

function isWorthCounting(
  follower: FollowerState | undefined,
  nowMs: number,
  limits: MembershipLimits,
): boolean {
  return follower !== undefined && whyLeave(follower, nowMs, 0, limits) === undefined;
}

function whyLeave(
  follower: FollowerState | undefined,
  nowMs: number,
  sinceMs: number,
  limits: MembershipLimits,
): string | undefined {
  if (follower?.isConnected && !follower.isComplete) return 'installs its store anew';
  if (follower?.fullUntil !== undefined) return 'has no room on its disk';
  if (follower?.digest === 'different') return 'holds other metadata at an equal position';
  const heardMs = Math.max(follower?.lastReportMs ?? sinceMs, sinceMs);
  if (nowMs - heardMs > limits.silenceMs) return `said nothing for ${limits.silenceMs} ms`;
  const caughtUpMs = Math.max(follower?.caughtUpMs ?? sinceMs, sinceMs);
  if (nowMs - caughtUpMs > limits.lagMs) return `has not caught up for ${limits.lagMs} ms`;
  return undefined;
}

/** Nothing keeps it out of the set but what it has not synced yet, and a loss that is made good when it has. */
function isReady(follower: FollowerState, nowMs: number, limits: MembershipLimits): boolean {
  return (
    isWorthCounting(follower, nowMs, limits) &&
    follower.isConnected &&
    follower.isComplete &&
    follower.digest === 'equal' &&
    nowMs >= follower.mayJoinFromMs
  );
}
