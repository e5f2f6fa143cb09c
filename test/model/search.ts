// Looks for a state in which an invariant does not hold: all states, nearest first, or random walks.

import type { Value } from './values.ts';
import { hashOf, ListValue } from './values.ts';

export type State = readonly Value[];
/** Called for each way in which an action can happen; true: it is enough. */
export type Visit = (state: State, label: string) => boolean;

export interface System {
  readonly init: (state: State, visit: Visit) => boolean;
  readonly step: (state: State, visit: Visit) => boolean;
  /** The name of an invariant that does not hold. */
  readonly violated: (state: State) => string | undefined;
}

export interface Found {
  readonly invariant: string | undefined;
  /** The labels of the steps to it. */
  readonly trace: readonly string[];
  readonly last: State | undefined;
  /** Different states of a full search; states passed, with repetition, of walks. */
  readonly states: number;
  readonly walks: number;
  /** Whether no state was left out, or of walks: whether all were made. */
  readonly complete: boolean;
  /** Steps from the first state to the farthest seen. */
  readonly depth: number;
}

interface Reached {
  readonly label: string;
  readonly parent: Reached | undefined;
  /** Undefined once its successors are known. */
  state: State | undefined;
}

/** Every state that is reachable, in the order of its distance. */
export function searchAll(
  system: System,
  limits: {
    readonly maxStates: number;
    readonly maxDepth: number;
    readonly maySpend: () => boolean;
  },
): Found {
  const visited = new HashSet();
  let violation: { invariant: string; at: Reached; state: State } | undefined;
  let level: Reached[] = [];
  let following: Reached[] = [];
  const spent = () =>
    visited.size >= limits.maxStates || (visited.size % 1024 === 0 && !limits.maySpend());
  const reach = (parent: Reached | undefined) => (state: State, label: string) => {
    if (!visited.add(hashOf(new ListValue(state)))) return false;
    const reached: Reached = { label, parent, state };
    const invariant = system.violated(state);
    if (invariant !== undefined) violation = { invariant, at: reached, state };
    following.push(reached);
    return violation !== undefined || spent();
  };
  system.init([], reach(undefined));
  let depth = 0;
  let complete = true;
  while (following.length > 0 && violation === undefined) {
    if (depth === limits.maxDepth || visited.size >= limits.maxStates || !limits.maySpend()) {
      complete = false;
      break;
    }
    level = following;
    following = [];
    depth += 1;
    for (const reached of level) {
      const { state } = reached;
      reached.state = undefined;
      if (state !== undefined && system.step(state, reach(reached))) break;
    }
  }
  return {
    invariant: violation?.invariant,
    trace: violation === undefined ? [] : labelsTo(violation.at),
    last: violation?.state,
    states: visited.size,
    walks: 0,
    complete: complete && violation === undefined,
    depth,
  };
}

function labelsTo(reached: Reached): string[] {
  const labels = [];
  for (let at: Reached | undefined = reached; at?.parent !== undefined; at = at.parent)
    labels.unshift(at.label);
  return labels;
}

/**
 * Random walks from the first state. The system must try alternatives in a random order; `maySpend` is asked after each
 * walk whether another one may be made.
 */
export function walk(
  system: System,
  limits: {
    readonly maxWalks: number;
    readonly maxSteps: number;
    readonly maySpend: () => boolean;
  },
): Found {
  let states = 0;
  let depth = 0;
  let walks = 0;
  while (walks < limits.maxWalks && limits.maySpend()) {
    walks += 1;
    let state: State = [];
    const trace: string[] = [];
    const take: Visit = (next, label) => {
      state = next;
      trace.push(label);
      return true;
    };
    system.init([], take);
    trace.length = 0;
    for (let step = 0; step < limits.maxSteps && system.step(state, take); step++) {
      states += 1;
      depth = Math.max(depth, trace.length);
      const invariant = system.violated(state);
      if (invariant !== undefined) {
        return { invariant, trace, last: state, states, walks, complete: false, depth };
      }
    }
  }
  return {
    invariant: undefined,
    trace: [],
    last: undefined,
    states,
    walks,
    complete: walks === limits.maxWalks,
    depth,
  };
}

/** A set of numbers that may become larger than 2^24. */
class HashSet {
  readonly #parts = Array.from({ length: 64 }, () => new Set<number>());
  size = 0;

  /** Whether it was not there. */
  add(hash: number): boolean {
    const part = this.#parts[hash % 64];
    if (part === undefined || part.has(hash)) return false;
    part.add(hash);
    this.size += 1;
    return true;
  }
}
