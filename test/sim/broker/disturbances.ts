import type { SimDrive, SimNode, SimRandom, SimWorld } from '../ports/index.ts';
import { storeFolder } from './options.ts';

/** Which kinds of faults a seed has besides crashes. */
export interface FaultPlan {
  readonly fullDisk: boolean;
  readonly clockJumps: boolean;
  readonly failedSyncs: boolean;
  readonly lostDatabases: boolean;
  readonly bitFlip: boolean;
}

export function chooseFaults(random: SimRandom): FaultPlan {
  return {
    fullDisk: random.chance(0.3),
    clockJumps: random.chance(0.3),
    failedSyncs: random.chance(0.25),
    lostDatabases: random.chance(0.3),
    bitFlip: random.chance(0.3),
  };
}

const plentyBytes = 2 ** 40;
/** After which a broker has noticed that there is room again: a round of its maintenance, and what that does. */
const recoveryMs = 1000;
const longestJumpMs = 100 * 3_600_000;
const maxFailingMs = 300;

const syncTargets = [
  `${storeFolder}/commitlog/`,
  `${storeFolder}/commitlog`,
  `${storeFolder}/synced-mark`,
  `${storeFolder}/checksums`,
  `${storeFolder}/snapshots`,
  `${storeFolder}/metadata`,
  `${storeFolder}/queues`,
  `${storeFolder}/epochs`,
] as const;

/** Faults of the drive and the clock of one node, while a process runs on it and between two of them. */
export class Disturbances {
  /** When a sync of the log failed, in this life. */
  logSyncFailedAtMs: number | undefined;
  /** Some sync failed, in this life. */
  hasFailedSync = false;
  /** There was no room, at some time of this life. */
  hasBeenFull = false;
  readonly #plan: FaultPlan;
  readonly #world: SimWorld;
  readonly #node: SimNode;
  readonly #random: SimRandom;
  #life = 0;
  #isDiskFull = false;
  #roomSinceMs = Number.NEGATIVE_INFINITY;

  constructor(plan: FaultPlan, world: SimWorld, node: SimNode, random: SimRandom) {
    this.#plan = plan;
    this.#world = world;
    this.#node = node;
    this.#random = random;
  }

  get isDiskFull(): boolean {
    return this.#isDiskFull;
  }

  /** Refusals for want of room are to be expected, now or until the broker has noticed that there is some. */
  get explainsRefusals(): boolean {
    return this.#isDiskFull || this.#world.nowMs < this.#roomSinceMs + recoveryMs;
  }

  /** A process serves: what will happen to it in the next `forMs`. */
  plan(forMs: number): void {
    const random = this.#random;
    const life = ++this.#life;
    const at = (delayMs: number, action: () => void): void => {
      this.#world.schedule(delayMs, () => {
        if (life === this.#life && this.#node.alive) action();
      });
    };
    if (this.#plan.clockJumps && random.chance(0.5)) {
      const byMs = random.between(-1, 1) * (random.chance(0.5) ? longestJumpMs : 10_000);
      at(random.fraction() * forMs, () => this.#jump(byMs));
    }
    if (this.#plan.fullDisk && random.chance(0.6)) {
      const fromMs = random.fraction() * forMs;
      const bytes = random.below(random.chance(0.5) ? 20_000 : 100_000);
      at(fromMs, () => this.#fill(bytes));
      at(fromMs + random.between(10, maxFailingMs), () => this.makeRoom());
    }
    if (this.#plan.failedSyncs && random.chance(0.3)) {
      const target = syncTargets[random.below(syncTargets.length)] ?? '';
      const fromMs = random.fraction() * forMs;
      at(fromMs, () => this.#failSyncs(target));
      at(fromMs + random.between(10, maxFailingMs), () => this.#node.drive.failSyncs(undefined));
    }
  }

  /** The process has died. Returns databases that are not what they were. */
  between(): readonly string[] {
    const random = this.#random;
    this.#life++;
    this.logSyncFailedAtMs = undefined;
    this.hasFailedSync = false;
    this.hasBeenFull = this.#isDiskFull;
    this.#node.drive.failSyncs(undefined);
    if (this.#isDiskFull && random.chance(0.7)) this.makeRoom();
    if (!this.#plan.lostDatabases || !random.chance(0.25)) return [];
    const which = (['metadata', 'queues'] as const).filter(() => random.chance(0.6));
    for (const name of which) this.#lose(`${storeFolder}/${name}`);
    return which;
  }

  makeRoom(): void {
    if (!this.#isDiskFull) return;
    this.#isDiskFull = false;
    this.#roomSinceMs = this.#world.nowMs;
    this.#world.trace.note('the disk has room again');
    this.#node.drive.setFreeBytes(plentyBytes);
  }

  /**
   * Damages one bit of a file, below `logEnd` in the log; returns the path. Undefined when it hit nothing that is stored.
   */
  flipBit(logEnd: number): string | undefined {
    const random = this.#random;
    const files = filesBelow(this.#node.drive, storeFolder);
    const file = files[random.below(files.length)];
    if (file === undefined) return undefined;
    const base = file.path.startsWith(`${storeFolder}/commitlog/`)
      ? Number(file.path.slice(-20))
      : undefined;
    const size = base === undefined ? file.size : Math.min(file.size, logEnd - base);
    if (size <= 0) return undefined;
    const position = random.below(size);
    this.#world.trace.note(`a bit of ${file.path} flips`, position);
    this.#node.drive.flipBit(file.path, position, random.below(8));
    return file.path;
  }

  #jump(byMs: number): void {
    this.#world.trace.note('the wall clock jumps', byMs);
    this.#node.jumpWallClock(byMs);
  }

  #fill(bytes: number): void {
    this.#world.trace.note('the disk is full but for', bytes);
    this.#isDiskFull = true;
    this.hasBeenFull = true;
    this.#node.drive.setFreeBytes(bytes);
  }

  #failSyncs(target: string): void {
    this.#world.trace.note(`syncs of ${target} fail`);
    this.#node.drive.failSyncs((path) => {
      const fails = path === target || (target.endsWith('/') && path.startsWith(target));
      if (fails) {
        this.hasFailedSync = true;
        if (target.endsWith('/')) this.logSyncFailedAtMs ??= this.#world.nowMs;
      }
      return fails;
    });
  }

  /** The database is gone, or cannot be opened. */
  #lose(path: string): void {
    const { drive, keyValueStores } = this.#node;
    const folder = drive.find(storeFolder);
    if (folder?.type !== 'folder') return;
    const name = path.slice(storeFolder.length + 1);
    const inode = folder.current.get(name);
    if (inode?.type !== 'folder' || inode.database === undefined) return;
    this.#world.trace.note(`${path} is lost`);
    if (this.#random.chance(0.5)) {
      keyValueStores.damage(path);
    } else {
      drive.change({ links: [{ folder, name, inode: undefined }] });
      drive.makeLinksDurable(folder);
    }
  }
}

function filesBelow(
  drive: SimDrive,
  path: string,
): readonly { readonly path: string; readonly size: number }[] {
  const inode = drive.find(path);
  if (inode === undefined) return [];
  if (inode.type === 'file') return [{ path, size: inode.current.size }];
  return [...inode.current.keys()]
    .toSorted()
    .flatMap((name) => filesBelow(drive, `${path}/${name}`));
}
