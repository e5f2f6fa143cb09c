import { type BrokerId, type Disk, type Epoch, Failure, type TimestampMs } from '../base/index.ts';
import {
  Durability,
  makeDurableFolder,
  readChecksummed,
  replaceChecksummed,
} from '../log/index.ts';
import type { GroupState } from './state.ts';

/**
 * Where a controller's decisions are kept. A decision is made against a revision, and only by whoever holds the lease:
 * so several controllers may share a store.
 */
export interface ControllerStore {
  /** What it is and what it cannot survive, for the log at the start. */
  readonly description: string;
  /** This controller decides, and no other one. */
  readonly isLeading: boolean;
  /** Where the one that decides listens, when that is another one and is known. */
  readonly leader: string | undefined;
  /** Told when `isLeading` is another one. */
  onLeading: () => void;
  /** Told of each change, also of those that other controllers made, in the order of its revisions. */
  onChange: (before: GroupState | undefined, after: GroupState | undefined) => void;
  /** It has been there long enough to know of each group that has a history. */
  readonly isSettled: boolean;
  /** Notes that durably. */
  settle(): Promise<void>;
  /** By name; may lag behind what another controller did. */
  read(): ReadonlyMap<string, Stored>;
  /** As it is now. Fails `unavailable`. */
  readNow(name: string): Promise<Stored | undefined>;
  /** Why nothing can be made durable any more; the process must end. */
  readonly failure: Failure | undefined;
  /** Durable once it is `set`. Fails `unavailable` when that is not known: `readNow` tells, by the decision's id. */
  compareAndSet(proposal: StateProposal): Promise<SetOutcome>;
  close(): Promise<void>;
}

export interface Stored {
  readonly revision: number;
  /** Of the decision that made this state; no two have the same. */
  readonly decision: string;
  readonly state: GroupState;
}

export interface StateProposal {
  readonly name: string;
  /** Of the state that the decision was made against; 0: there was none. */
  readonly revision: number;
  readonly decision: string;
  /** Undefined: the group is forgotten. */
  readonly state: GroupState | undefined;
}

/** `changed`: the group has another revision by now. With it and `notLeading` nothing was written. */
export type SetOutcome = 'set' | 'changed' | 'notLeading';

/** One file of one node, replaced as a whole: tmp, fsync, rename, fsync of the folder. */
export class EmbeddedStore implements ControllerStore {
  readonly description: string;
  readonly isLeading = true;
  readonly leader = undefined;
  onLeading: ControllerStore['onLeading'] = () => {};
  onChange: ControllerStore['onChange'] = () => {};
  readonly #path: string;
  readonly #disk: Disk;
  #groups: ReadonlyMap<string, Stored>;
  #generation: number;
  #isSettled: boolean;
  readonly #durability = new Durability();
  #writing: Promise<void> = Promise.resolve();

  /** Fails `corrupt`, naming the file, when it is there and cannot be trusted. */
  static async open(folder: string, disk: Disk): Promise<EmbeddedStore> {
    await makeDurableFolder(disk, folder);
    const path = `${folder}/controller`;
    const line = await readChecksummed(disk, path);
    const first = { generation: 0, groups: new Map(), isSettled: false };
    return new EmbeddedStore(path, disk, line === undefined ? first : decode(line, path));
  }

  private constructor(path: string, disk: Disk, content: Content) {
    this.#path = path;
    this.#disk = disk;
    this.#generation = content.generation;
    this.#groups = content.groups;
    this.#isSettled = content.isSettled;
    this.description = `the file ${path} of this node: while this node is away no new master is elected, and if the file is lost an operator must recover each group`;
  }

  get failure(): Failure | undefined {
    return this.#durability.failure;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  async settle(): Promise<void> {
    if (this.#isSettled) return;
    await this.#write(async () => {
      if (!this.#isSettled) await this.#replace({ groups: this.#groups, isSettled: true });
    });
  }

  read(): ReadonlyMap<string, Stored> {
    return this.#groups;
  }

  async readNow(name: string): Promise<Stored | undefined> {
    return this.#groups.get(name);
  }

  async compareAndSet({ name, revision, decision, state }: StateProposal): Promise<SetOutcome> {
    let outcome: SetOutcome = 'changed';
    await this.#write(async () => {
      const before = this.#groups.get(name);
      if ((before?.revision ?? 0) !== revision) return;
      const groups = new Map(this.#groups);
      if (state === undefined) groups.delete(name);
      else groups.set(name, { revision: revision + 1, decision, state });
      await this.#replace({ groups, isSettled: this.#isSettled });
      outcome = 'set';
      this.onChange(before?.state, state);
    });
    return outcome;
  }

  /** One at a time. */
  async #write(work: () => Promise<void>): Promise<void> {
    const write = this.#writing.then(work);
    this.#writing = write.catch(() => {}); // Whoever asked for it is told.
    await write;
  }

  async #replace({ groups, isSettled }: Omit<Content, 'generation'>): Promise<void> {
    this.#durability.check();
    const generation = this.#generation + 1;
    const content = { format: 1, generation, isSettled, groups: [...groups.values()] };
    await replaceChecksummed(this.#disk, this.#path, JSON.stringify(content), this.#durability);
    this.#generation = generation;
    this.#groups = groups;
    this.#isSettled = isSettled;
  }

  async close(): Promise<void> {
    await this.#writing;
  }
}

interface Content {
  readonly generation: number;
  readonly isSettled: boolean;
  readonly groups: ReadonlyMap<string, Stored>;
}

function decode(line: string, path: string): Content {
  const content = JSON.parse(line) as {
    readonly format?: unknown;
    readonly generation?: unknown;
    readonly isSettled?: unknown;
    readonly groups?: unknown;
  };
  if (
    content.format !== 1 ||
    typeof content.generation !== 'number' ||
    typeof content.isSettled !== 'boolean' ||
    !Array.isArray(content.groups)
  ) {
    throw new Failure('corrupt', `${path} is not what this version writes`);
  }
  const groups = new Map<string, Stored>();
  for (const entry of content.groups as readonly Stored[]) {
    const { state } = entry;
    // JSON leaves out what is undefined; the brands are of compile time only.
    const whole: GroupState = {
      ...state,
      master: state.master as BrokerId | undefined,
      frozen: state.frozen,
      epoch: state.epoch as Epoch,
      history: state.history.map((past) => ({ ...past, time: past.time as TimestampMs })),
    };
    groups.set(state.name, { ...entry, state: whole });
  }
  return { generation: content.generation, isSettled: content.isSettled, groups };
}
