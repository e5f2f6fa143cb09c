import type { Trace } from './trace.ts';

export interface RunLimits {
  /** Stops before the first event after so much more simulated time; the clock then shows the end of it. */
  readonly forMs?: number;
  readonly maxEvents?: number;
  /** Stops when true; asked after each event, once promises have settled. */
  readonly until?: () => boolean;
}

/** Whose event it is: a process. Its events are dropped when it is dead. */
export interface EventOwner {
  readonly name: string;
  readonly alive: boolean;
  /** What happens to it meanwhile waits, in its order, until `Scheduler.resume`. */
  readonly paused?: boolean;
  /** Told what an event of this process threw. */
  threw(error: unknown): void;
}

export interface SimEvent {
  cancel(): void;
}

/**
 * Simulated time and the queue of what happens, ordered by time, then by when it was scheduled. Between two events all
 * promises settle, so that what an event set in motion has come to rest before the next.
 */
export class Scheduler {
  readonly #trace: Trace;
  readonly #queue = new EventQueue();
  /** Events of paused owners. */
  readonly #waiting = new Map<EventOwner, QueuedEvent[]>();
  #nowMs = 0;
  #scheduled = 0;
  #running = false;
  #eventsAtThisTime = 0;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  schedule(
    delayMs: number,
    what: string,
    owner: EventOwner | undefined,
    action: () => void,
  ): SimEvent {
    const atMs = this.#nowMs + Math.max(0, delayMs);
    const event = new QueuedEvent(atMs, this.#scheduled++, what, owner, action);
    this.#queue.push(event);
    return event;
  }

  /** What waited for a paused owner happens now. */
  resume(owner: EventOwner): void {
    const waiting = this.#waiting.get(owner) ?? [];
    this.#waiting.delete(owner);
    for (const event of waiting) {
      event.atMs = Math.max(event.atMs, this.#nowMs);
      this.#queue.push(event);
    }
  }

  /** Runs events until a limit is met or nothing is left. Returns how many ran. */
  async run(limits: RunLimits = {}): Promise<number> {
    if (this.#running) throw new Error('the world is already running');
    this.#running = true;
    const endMs =
      limits.forMs === undefined ? Number.POSITIVE_INFINITY : this.#nowMs + limits.forMs;
    let count = 0;
    const oneEvent = (): boolean => {
      if (count >= (limits.maxEvents ?? Number.POSITIVE_INFINITY) || limits.until?.()) return false;
      const event = this.#queue.takeUntil(endMs);
      if (event === undefined) {
        if (endMs !== Number.POSITIVE_INFINITY) this.#nowMs = endMs;
        return false;
      }
      if (event.owner?.paused === true) this.#park(event.owner, event);
      else this.#happen(event);
      count++;
      return true;
    };
    try {
      await repeatSettled(oneEvent);
    } finally {
      this.#running = false;
    }
    return count;
  }

  #park(owner: EventOwner, event: QueuedEvent): void {
    const waiting = this.#waiting.get(owner);
    if (waiting === undefined) this.#waiting.set(owner, [event]);
    else waiting.push(event);
    this.#nowMs = Math.max(this.#nowMs, event.atMs);
  }

  #happen(event: QueuedEvent): void {
    this.#eventsAtThisTime = event.atMs === this.#nowMs ? this.#eventsAtThisTime + 1 : 0;
    if (this.#eventsAtThisTime > maxEventsAtOneTime)
      throw new Error(`time stands still: ${event.what}`);
    this.#nowMs = event.atMs;
    this.#trace.note(event.what, event.atMs);
    try {
      event.action();
    } catch (error) {
      if (event.owner === undefined) throw error;
      event.owner.threw(error);
    }
  }
}

/** More means that something makes itself happen again and again. */
const maxEventsAtOneTime = 1_000_000;

/**
 * Calls `step` until it returns false, letting all promises settle before each call. A tick that is asked for by a
 * microtask runs when no microtask is left, which costs a fifth of `setImmediate`; that one is used now and then, so
 * that the rest of the process goes on too.
 */
function repeatSettled(step: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let calls = 0;
    const call = (): void => {
      let goesOn = false;
      try {
        goesOn = step();
      } catch (error) {
        reject(error);
        return;
      }
      calls++;
      if (!goesOn) resolve();
      else if (calls % 1024 === 0) setImmediate(call);
      else queueMicrotask(callInTick);
    };
    const callInTick = (): void => process.nextTick(call);
    queueMicrotask(callInTick);
  });
}

class QueuedEvent implements SimEvent {
  atMs: number;
  readonly order: number;
  readonly what: string;
  readonly owner: EventOwner | undefined;
  readonly action: () => void;
  #cancelled = false;

  constructor(
    atMs: number,
    order: number,
    what: string,
    owner: EventOwner | undefined,
    action: () => void,
  ) {
    this.atMs = atMs;
    this.order = order;
    this.what = what;
    this.owner = owner;
    this.action = action;
  }

  cancel(): void {
    this.#cancelled = true;
  }

  get isDue(): boolean {
    return !this.#cancelled && this.owner?.alive !== false;
  }

  isBefore(other: QueuedEvent): boolean {
    return this.atMs < other.atMs || (this.atMs === other.atMs && this.order < other.order);
  }
}

/** A binary heap. */
class EventQueue {
  readonly #heap: QueuedEvent[] = [];

  push(event: QueuedEvent): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || !event.isBefore(parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = event;
  }

  /** The next event that still matters, unless it is later than `endMs`. */
  takeUntil(endMs: number): QueuedEvent | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.isDue && first.atMs > endMs) return undefined;
      this.#removeFirst();
      if (first.isDue) return first;
    }
    return undefined;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const moved = heap.pop();
    if (moved === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = heap[childIndex];
      if (child === undefined) break;
      const right = heap[childIndex + 1];
      if (right?.isBefore(child)) {
        child = right;
        childIndex++;
      }
      if (!child.isBefore(moved)) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = moved;
  }
}
