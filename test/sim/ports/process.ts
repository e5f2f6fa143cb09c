import type { SimRandom } from './random.ts';
import type { EventOwner, Scheduler } from './scheduler.ts';

/**
 * Thrown by a synchronous call during which the process dies, and by each one after that: a dead process does not go
 * on. Nobody should catch it; the world ignores it.
 */
export class ProcessDied extends Error {
  constructor(name: string) {
    super(`the simulated process of ${name} died`);
    this.name = 'ProcessDied';
  }
}

/** One life of a node, from a start to a crash. */
export class SimProcess implements EventOwner {
  readonly name: string;
  readonly #scheduler: Scheduler;
  readonly #random: SimRandom;
  readonly #threw: (error: unknown) => void;
  readonly #underWay = new Set<() => void>();
  #alive = true;
  #paused = false;

  constructor(
    name: string,
    scheduler: Scheduler,
    random: SimRandom,
    threw: (error: unknown) => void,
  ) {
    this.name = name;
    this.#scheduler = scheduler;
    this.#random = random;
    this.#threw = threw;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** As SIGSTOP does: nothing of it happens until `resume`; what others send it waits. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#scheduler.resume(this);
  }

  threw(error: unknown): void {
    if (!(error instanceof ProcessDied)) this.#threw(error);
  }

  checkAlive(): void {
    if (!this.#alive) throw new ProcessDied(this.name);
  }

  /**
   * An asynchronous call: takes effect and settles after some time, which is drawn between the two. When the process
   * dies before that, the promise never settles, and `interrupted` (`effect` by default) may still happen.
   */
  call<T>(
    what: string,
    [fromMs, toMs]: readonly [fromMs: number, toMs: number],
    effect: () => T,
    interrupted: () => void = effect,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#alive) return;
      this.#underWay.add(interrupted);
      this.#scheduler.schedule(this.#random.between(fromMs, toMs), what, this, () => {
        this.#underWay.delete(interrupted);
        try {
          resolve(effect());
        } catch (error) {
          if (!(error instanceof ProcessDied)) reject(error);
        }
      });
    });
  }

  die(): void {
    this.#alive = false;
    for (const interrupted of this.#underWay) {
      if (!this.#random.chance(0.5)) continue;
      try {
        interrupted();
      } catch {
        // There is nobody left to tell that it failed.
      }
    }
    this.#underWay.clear();
  }
}
