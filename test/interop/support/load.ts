import { strict as assert } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  assertIs,
  assertPlaces,
  drafts,
  type Place,
  type Received,
  type Sent,
} from './messages.ts';
import type { Consumer, Producer } from './push.ts';
import { eventually } from './waiting.ts';

/** Of an automatically created topic. */
const queues = 4;

export interface LoadOptions {
  readonly patienceMs: number;
  readonly pauseMs?: number;
}

/** Sends all the time, a few messages to each queue at a time. */
export class Load implements AsyncDisposable {
  readonly sent: Sent[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  readonly #patienceMs: number;

  /** Returns when the topic exists: the Go client does not start a consumer before. */
  static async begin(producer: Producer, topic: string, options: LoadOptions): Promise<Load> {
    const first = await producer.send('sync', drafts(topic, 1));
    return new Load(producer, topic, options, first);
  }

  private constructor(
    producer: Producer,
    topic: string,
    { patienceMs, pauseMs = 0 }: LoadOptions,
    first: readonly Sent[],
  ) {
    this.sent.push(...first);
    this.#patienceMs = patienceMs;
    this.#done = this.#run(producer, topic, pauseMs);
    this.#done.catch(() => {}); // Reported by `end`.
  }

  async #run(producer: Producer, topic: string, pauseMs: number): Promise<void> {
    while (!this.#stop.signal.aborted) {
      if (pauseMs > 0) await sleep(pauseMs);
      this.sent.push(...(await producer.send('sync', drafts(topic, 2 * queues))));
    }
  }

  /** Until new messages of all queues come, to each of `members` from its equal part of the queues, and to no two from one queue. */
  async untilShared(members: readonly Consumer[]): Promise<void> {
    const part = queues / members.length;
    let seen = members.map(({ received }) => received.length);
    let parts: Set<number>[] = [];
    const text = (): string => parts.map((set) => [...set].join(' ')).join(' | ');
    await eventually(
      this.#patienceMs,
      () => `${members.length} consumers with ${part} queues each (last: ${text()})`,
      async () => {
        if (this.#stop.signal.aborted) throw new Error('the load has ended');
        const now = members.map(({ received }) => received.length);
        const grown = members.every(
          (_, index) => (now[index] ?? 0) - (seen[index] ?? 0) >= 8 * part,
        );
        if (!grown) return undefined;
        parts = members.map(({ received }, index) => {
          return new Set(received.slice(seen[index]).map(({ queue }) => queue));
        });
        seen = now;
        const all = new Set(parts.flatMap((set) => [...set]));
        const isShared = parts.every(({ size }) => size === part) && all.size === queues;
        return isShared ? true : undefined;
      },
    );
  }

  async end(): Promise<readonly Sent[]> {
    this.#stop.abort();
    await this.#done;
    return this.sent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done.catch(() => {}); // A failed scenario has its own failure.
  }
}

/**
 * Each message came to somebody, as it was sent, and nothing else came. Twice is allowed: a queue may change hands
 * before what was received from it last is committed.
 */
export async function assertNothingLost(
  consumers: readonly Consumer[],
  sent: readonly Sent[],
  patienceMs: number,
): Promise<void> {
  assertPlaces(sent);
  const place = ({ queue, offset }: Place): string => `${queue}/${offset}`;
  const wanted = new Map(sent.map((message) => [place(message), message]));
  const missing = (): string[] => {
    const got = new Set(consumers.flatMap(({ received }) => received.map(place)));
    return [...wanted.keys()].filter((key) => !got.has(key));
  };
  await eventually(
    patienceMs,
    () => `all ${sent.length} messages (missing: ${missing().slice(0, 20).join(' ')})`,
    () => (missing().length === 0 ? true : undefined),
  );
  for (const message of consumers.flatMap(({ received }): Received[] => received)) {
    const original = wanted.get(place(message));
    assert.ok(original !== undefined, `message ${place(message)} was never sent`);
    assertIs(message, original);
  }
}
