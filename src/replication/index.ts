/**
 * The sync-state set of a broker group and the positions of its members, with C and D, and what a node remembers of its
 * group: promises, the set, how it stopped. `link` carries the log from a leader to its followers.
 */
export {
  firstGroupState,
  type GroupState,
  isSameBoot,
  promising,
  readGroupState,
  setGroupStateAside,
  wasLossless,
  writeGroupState,
} from './group-file.ts';
export { SetPositions } from './set-positions.ts';
