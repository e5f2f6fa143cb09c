/**
 * The link between a leader and its followers: frames, handshake, ranges, reports (docs/protocol.md, "The link"). Knows
 * no store: both ends are told by a host what they have, and tell it what arrives.
 */

export type { LeaderLog } from './common-point.ts';
export {
  type Ending,
  type FollowerHost,
  FollowerSession,
  type LeaderWord,
} from './follower-session.ts';
export type { Difference, FollowerState, Holding, Join, Report } from './frames.ts';
export { checkedBytes, digestBytes } from './frames.ts';
export {
  defaultLinkOptions,
  type FollowerProgress,
  LeaderLink,
  type LinkOptions,
  type LinkPorts,
} from './leader-link.ts';
export type {
  JoinedFollower,
  LeaderHost,
  LinkIdentity,
  LogRange,
  SnapshotSource,
} from './leader-session.ts';
