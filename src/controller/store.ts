import { type BrokerId, type Disk, type Epoch, Failure, type TimestampMs } from '../base/index.ts';
import {
  Durability,
  makeDurableFolder,
  readChecksummed,
  replaceChecksummed,
} from '../log/index.ts';
import type { GroupState } from './state.ts';

/**
 * Where a controller's decisions are kept. A decision is made against a revision, and is refused when the group has
 * another one by then: so several controllers could share a store. `watch` and leases come with a store that is shared.
 */
export interface ControllerStore {
  /** What it is and what it cannot survive, for the log at the start. */
  readonly description: string;
  /** It has been there long enough to know of each group that has a history. */
  readonly isSettled: boolean;
  /** Notes that durably. */
  settle(): Promise<void>;
  read(): ReadonlyMap<string, Stored>;
  /** Why nothing can be made durable any more; the process must end. */
  readonly failure: Failure | undefined;
  /** Durable once it returns. False: the group has another revision by now, and nothing was written. */
  compareAndSet(name: string, revision: number, state: GroupState | undefined): Promise<boolean>;
  close(): Promise<void>;
}

export interface Stored {
  readonly revision: number;
  readonly state: GroupState;
}

/** One file of one node, replaced as a whole: tmp, fsync, rename, fsync of the folder. */
export class EmbeddedStore implements ControllerStore {
  readonly description: string;
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

  async compareAndSet(
    name: string,
    revision: number,
    state: GroupState | undefined,
  ): Promise<boolean> {
    let isSet = false;
    await this.#write(async () => {
      if ((this.#groups.get(name)?.revision ?? 0) !== revision) return;
      const groups = new Map(this.#groups);
      if (state === undefined) groups.delete(name);
      else groups.set(name, { revision: revision + 1, state });
      await this.#replace({ groups, isSettled: this.#isSettled });
      isSet = true;
    });
    return isSet;
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
    groups.set(state.name, { revision: entry.revision, state: whole });
  }
  return { generation: content.generation, isSettled: content.isSettled, groups };
}
