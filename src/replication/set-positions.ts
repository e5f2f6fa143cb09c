import { strict as assert } from 'node:assert';
import { type BrokerId, Failure, type PhysicalOffset, physicalOffset } from '../base/index.ts';

interface Positions {
  written: PhysicalOffset;
  synced: PhysicalOffset;
}

/** Where a leader begins: what it knew as a follower, or found when it opened its log. */
export interface StartingPoints {
  readonly self: BrokerId;
  readonly members: readonly BrokerId[];
  readonly setEpoch: number;
  /** Written and synced by the leader itself. */
  readonly position: PhysicalOffset;
  /** C and D as it knew them; they go up from there. */
  readonly commitPoint: PhysicalOffset;
  readonly durablePoint: PhysicalOffset;
}

const unknown = physicalOffset(0);

/**
 * How far each follower of a leader has come, and what follows from it: C, the commit point (smallest written position
 * over the set) and D, the durable point (smallest synced one). The set is the confirmed one joined with every proposal
 * that is not superseded (protocol rule 11).
 *
 * While a proposal that leaves somebody out is undecided, C is taken over synced positions too: what was acknowledged
 * under a set is then written by all of it, or synced by all who remain (docs/model, T2).
 *
 * Invariants: C and D never go back; D <= C; a member whose positions are not known in this epoch counts as 0.
 */
export class SetPositions {
  readonly #self: BrokerId;
  readonly #positions = new Map<BrokerId, Positions>();
  #confirmed: readonly BrokerId[];
  #setEpoch: number;
  /** Members of proposals without an answer. */
  #proposed: readonly BrokerId[] = [];
  #counted: readonly BrokerId[] = [];
  /** Soon to be proposed: C and D wait for what it has synced. */
  #admitted: PhysicalOffset | undefined;
  /** An undecided proposal leaves out somebody who is counted. */
  #isShrinking = false;
  #commitPoint: PhysicalOffset;
  #durablePoint: PhysicalOffset;

  constructor(start: StartingPoints) {
    assert(start.members.includes(start.self), 'a leader is in its own set');
    this.#self = start.self;
    this.#confirmed = start.members;
    this.#setEpoch = start.setEpoch;
    this.#commitPoint = start.commitPoint;
    this.#durablePoint = start.durablePoint;
    this.#positions.set(start.self, { written: start.position, synced: start.position });
    this.#recount();
  }

  /** A set of one that holds everything below `start`, synced. */
  static ofOne(self: BrokerId, start: PhysicalOffset): SetPositions {
    return new SetPositions({
      self,
      members: [self],
      setEpoch: 0,
      position: start,
      commitPoint: start,
      durablePoint: start,
    });
  }

  get confirmed(): readonly BrokerId[] {
    return this.#confirmed;
  }

  get setEpoch(): number {
    return this.#setEpoch;
  }

  /** Over whom C and D are taken. */
  get counted(): readonly BrokerId[] {
    return this.#counted;
  }

  /** C: everything below is written by every member, and may be read. */
  get commitPoint(): PhysicalOffset {
    return this.#commitPoint;
  }

  /** D: everything below is synced by every member, and survives the power loss of all. */
  get durablePoint(): PhysicalOffset {
    return this.#durablePoint;
  }

  /** Everything below is written by so many replicas, the leader included, whether they are in the set or not. */
  writtenBy(replicas: number): PhysicalOffset {
    const written = Array.from(this.#positions.values(), (known) => known.written);
    return written.sort((a, b) => b - a)[replicas - 1] ?? unknown;
  }

  /** The leader's own; it never goes back. */
  advanceWritten(written: PhysicalOffset): void {
    const own = this.#own;
    assert(written >= own.written, 'a written position never goes back');
    own.written = written;
    this.#recompute();
  }

  advanceSynced(synced: PhysicalOffset): void {
    const own = this.#own;
    assert(synced >= own.synced, 'a synced position never goes back');
    assert(synced <= own.written, 'nothing is synced that was not written');
    own.synced = synced;
    this.#recompute();
  }

  /**
   * A follower joined: its positions count from now on, for this epoch only, and may be lower than what it reported
   * before (rule 6). Fails `invalid` for what cannot be.
   */
  connected(member: BrokerId, written: PhysicalOffset, synced: PhysicalOffset): void {
    this.#check(member, written, synced);
    this.#positions.set(member, { written, synced });
    this.#recompute();
  }

  /** Fails `invalid` for a report that goes back, or claims more than there is. */
  report(member: BrokerId, written: PhysicalOffset, synced: PhysicalOffset): void {
    this.#check(member, written, synced);
    const known = this.#positions.get(member);
    if (known === undefined) throw new Failure('invalid', `broker ${member} has not joined`);
    if (written < known.written || synced < known.synced) {
      throw new Failure('invalid', `broker ${member} reports less than before`);
    }
    known.written = written;
    known.synced = synced;
    this.#recompute();
  }

  /**
   * Rule 9: C and D go no further than what this follower has synced, so that it catches up with them under any load.
   * Undefined: they wait for nobody but those who are counted.
   */
  admit(synced: PhysicalOffset | undefined): void {
    this.#admitted = synced;
    this.#recompute();
  }

  /** Rule 11: who is in it counts from now on, and until a later set epoch is confirmed. */
  propose(set: readonly BrokerId[]): void {
    this.#isShrinking ||= this.#counted.some((member) => !set.includes(member));
    this.#proposed = [...new Set([...this.#proposed, ...set])];
    this.#recount();
  }

  /** The authority says that this is the set. An older set epoch is ignored. */
  confirm(set: readonly BrokerId[], setEpoch: number): void {
    if (setEpoch <= this.#setEpoch) return;
    assert(set.includes(this.#self), 'a leader is in its own set');
    this.#confirmed = set;
    this.#setEpoch = setEpoch;
    this.#proposed = [];
    this.#isShrinking = false;
    this.#recount();
  }

  /** Its session ended: what it had not synced may be lost with it (docs/model, T3). C and D stay where they are. */
  disconnected(member: BrokerId): void {
    const known = this.#positions.get(member);
    if (known !== undefined && member !== this.#self) known.written = known.synced;
  }

  /** It lost something that it had reported: it counts as 0 until it is `connected`. C and D stay where they are. */
  forget(member: BrokerId): void {
    if (member !== this.#self) this.#positions.delete(member);
  }

  get #own(): Positions {
    return this.#positions.get(this.#self) as Positions;
  }

  #check(member: BrokerId, written: PhysicalOffset, synced: PhysicalOffset): void {
    if (member === this.#self) throw new Failure('invalid', 'a leader does not follow itself');
    if (written > this.#own.written) {
      throw new Failure('invalid', `broker ${member} claims ${written}, beyond the leader's end`);
    }
    if (synced > written) {
      throw new Failure('invalid', `broker ${member} claims ${synced} as synced above ${written}`);
    }
  }

  #recount(): void {
    this.#counted = [...new Set([...this.#confirmed, ...this.#proposed])];
    this.#recompute();
  }

  #recompute(): void {
    let written = Number.MAX_SAFE_INTEGER;
    let synced = Number.MAX_SAFE_INTEGER;
    for (const member of this.#counted) {
      const positions = this.#positions.get(member);
      const held = this.#isShrinking ? positions?.synced : positions?.written;
      written = Math.min(written, held ?? unknown);
      synced = Math.min(synced, positions?.synced ?? unknown);
    }
    if (this.#admitted !== undefined) {
      written = Math.min(written, this.#admitted);
      synced = Math.min(synced, this.#admitted);
    }
    if (written > this.#commitPoint) this.#commitPoint = physicalOffset(written);
    if (synced > this.#durablePoint) this.#durablePoint = physicalOffset(synced);
  }
}
