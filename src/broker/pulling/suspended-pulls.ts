import type { Clock, Timer } from '../../base/index.ts';
import type { Queue } from '../../views/queues/index.ts';

/** A pull that waits at the end of a queue. */
export interface SuspendedPull {
  readonly queue: Queue;
  readonly offset: number;
  /** By the monotonic clock. */
  readonly deadlineMs: number;
  readonly isClosed: boolean;
  /** Looks again; `final` when it must be answered whatever there is. */
  resume(final: boolean): void;
}

/** How late a pull may be told that its time is up. Java's scan takes 5 s. */
const expiryIntervalMs = 250;

/** Pulls that wait for messages, by queue. A message wakes those of its queue once it may be read. */
export class SuspendedPulls {
  readonly #clock: Clock;
  readonly #byQueue = new Map<Queue, SuspendedPull[]>();
  /** Queues with waiting pulls that something was appended to and that C has not passed yet. */
  readonly #touched = new Set<Queue>();
  readonly #maxPulls: number;
  #count = 0;
  #isStopped = false;
  #timer: Timer | undefined;

  constructor(options: { readonly maxPulls: number }, clock: Clock) {
    this.#maxPulls = options.maxPulls;
    this.#clock = clock;
  }

  get count(): number {
    return this.#count;
  }

  /** False: there are too many, or nobody will look after it; answer it now. */
  add(pull: SuspendedPull): boolean {
    if (this.#isStopped || this.#count >= this.#maxPulls) return false;
    const pulls = this.#byQueue.get(pull.queue);
    if (pulls === undefined) this.#byQueue.set(pull.queue, [pull]);
    else pulls.push(pull);
    this.#count++;
    // Appended in this turn, before the pull came: readable once C passes it.
    if (pull.queue.next > pull.offset) this.#touched.add(pull.queue);
    this.#timer ??= this.#clock.setTimer(expiryIntervalMs, this.#expire);
    return true;
  }

  /** On the append path of every message. */
  appended(queue: Queue): void {
    if (this.#count > 0 && this.#byQueue.has(queue)) this.#touched.add(queue);
  }

  /** C moved: resumes the pulls whose queue can be read further than they did. */
  committed(readable: (queue: Queue) => number): void {
    if (this.#touched.size === 0) return;
    for (const queue of [...this.#touched]) {
      const end = readable(queue);
      if (end >= queue.next) this.#touched.delete(queue);
      this.#resume(queue, (pull) => end > pull.offset, false);
    }
  }

  /** Answers all: the broker stops, or the queues are gone. */
  resumeAll(matches: (queue: Queue) => boolean = () => true): void {
    for (const queue of [...this.#byQueue.keys()]) {
      if (matches(queue)) this.#resume(queue, () => true, true);
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.resumeAll();
  }

  readonly #expire = (): void => {
    this.#timer = undefined;
    const now = this.#clock.monotonicMs();
    for (const queue of [...this.#byQueue.keys()]) {
      this.#resume(queue, (pull) => pull.isClosed || pull.deadlineMs <= now, true);
    }
    if (this.#count > 0) this.#timer ??= this.#clock.setTimer(expiryIntervalMs, this.#expire);
  };

  #resume(queue: Queue, wanted: (pull: SuspendedPull) => boolean, final: boolean): void {
    const pulls = this.#byQueue.get(queue);
    if (pulls === undefined) return;
    const ready: SuspendedPull[] = [];
    const rest: SuspendedPull[] = [];
    for (const pull of pulls) (wanted(pull) ? ready : rest).push(pull);
    if (ready.length === 0) return;
    if (rest.length === 0) this.#byQueue.delete(queue);
    else this.#byQueue.set(queue, rest);
    this.#count -= ready.length;
    for (const pull of ready) pull.resume(final);
  }
}
