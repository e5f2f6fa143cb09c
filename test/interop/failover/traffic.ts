import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../support/client.ts';
import type { Place, Received } from '../support/messages.ts';
import type { Consumer } from '../support/push.ts';
import { eventually } from '../support/waiting.ts';

/** As the client comes. */
const stockTimeoutMs = 3000;
const stockRetries = 2;
const stockPollMs = 30_000;
const senders = 2;
const betweenMs = 10;
const moreLimitMs = 90_000;

export interface TrafficOptions {
  readonly topic: string;
  readonly pollMs?: number;
}

interface Acknowledged extends Place {
  readonly body: string;
  readonly atMs: number;
}

interface Refused {
  readonly atMs: number;
  readonly message: string;
}

/** What an application sees between two moments. */
export interface Seen {
  readonly acknowledged: number;
  readonly errors: readonly string[];
  /** The longest time between two acknowledgements, and between two messages that the consumer got. */
  readonly longestSendPauseMs: number;
  readonly longestReceivePauseMs: number;
}

/** An application: a producer and a push consumer that are started once, and messages that go through them all the time. */
export class Traffic {
  readonly topic: string;
  readonly group: string;
  readonly #consumer: Consumer;
  readonly #acknowledged: Acknowledged[] = [];
  readonly #refused: Refused[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<unknown>;

  private constructor(
    topic: string,
    group: string,
    consumer: Consumer,
    send: (body: string) => Promise<Place>,
  ) {
    this.topic = topic;
    this.group = group;
    this.#consumer = consumer;
    const all = Array.from({ length: senders }, (_, index) => this.#send(index, send));
    this.#done = Promise.all(all);
  }

  static async start(client: Client, options: TrafficOptions): Promise<Traffic> {
    const { topic, pollMs = stockPollMs } = options;
    const group = `${topic}-group`;
    const consumer = await client.startConsumer({ group, topic, pollMs });
    const producer = await client.startProducer(`${topic}-producers`, {
      ...{ retries: stockRetries, timeoutMs: stockTimeoutMs, pollMs },
    });
    return new Traffic(topic, group, consumer, async (body) => {
      const [sent] = await producer.send('sync', [{ topic, body: Buffer.from(body) }]);
      if (sent === undefined) throw new Error('no answer');
      return sent;
    });
  }

  /** Until messages that are sent from now on were acknowledged and received. */
  async untilFlows(count = 40): Promise<void> {
    const from = this.#acknowledged.length;
    await eventually(moreLimitMs, `messages of ${this.topic} flow`, () => {
      if (this.#acknowledged.length < from + count) return undefined;
      const bodies = this.#bodiesReceived();
      return bodies.has(this.#acknowledged[from + count - 1]?.body ?? '') || undefined;
    });
  }

  /** What happened since this moment of Date.now(). */
  seenSince(sinceMs: number): Seen {
    const acknowledged = this.#acknowledged.filter(({ atMs }) => atMs >= sinceMs);
    const errors = this.#refused.filter(({ atMs }) => atMs >= sinceMs);
    const receivedAtMs = this.#consumer.received.map(({ at }) => at);
    const lastBefore = (times: readonly number[]): number[] =>
      times.filter((atMs) => atMs < sinceMs).slice(-1);
    const times = this.#acknowledged.map(({ atMs }) => atMs);
    const after = (all: readonly number[]): number[] => all.filter((atMs) => atMs >= sinceMs);
    return {
      acknowledged: acknowledged.length,
      errors: errors.map(({ message }) => message),
      longestSendPauseMs: longestGap([...lastBefore(times), ...after(times)]),
      longestReceivePauseMs: longestGap([...lastBefore(receivedAtMs), ...after(receivedAtMs)]),
    };
  }

  /** Ends the sending, not the clients. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async stopConsumer(): Promise<void> {
    await this.#consumer.stop();
  }

  get acknowledged(): readonly Acknowledged[] {
    return this.#acknowledged;
  }

  get received(): readonly Received[] {
    return this.#consumer.received;
  }

  #bodiesReceived(): Set<string> {
    return new Set(this.#consumer.received.map(textOf));
  }

  async #send(index: number, send: (body: string) => Promise<Place>): Promise<void> {
    for (let number = 0; !this.#stop.signal.aborted; number += 1) {
      const body = `${this.topic} ${index} ${number}`;
      try {
        const { queue, offset } = await send(body);
        this.#acknowledged.push({ body, queue, offset, atMs: Date.now() });
      } catch (failure) {
        this.#refused.push({ atMs: Date.now(), message: String(failure) });
      }
      await sleep(betweenMs);
    }
  }
}

export const textOf = ({ body }: { readonly body: Uint8Array }): string =>
  Buffer.from(body).toString();

const longestGap = (times: readonly number[]): number =>
  Math.max(0, ...times.slice(1).map((atMs, index) => atMs - (times[index] ?? atMs)));

/** Of the acknowledged ones: those that never came, and those that came as another place said. */
export function missingOf(
  acknowledged: readonly (Place & { readonly body: string })[],
  received: readonly Received[],
): { readonly lost: readonly string[]; readonly moved: readonly string[]; readonly again: number } {
  const places = new Map<string, Set<string>>();
  for (const message of received) {
    const at = places.get(textOf(message)) ?? new Set();
    places.set(textOf(message), at.add(`${message.queue} ${message.offset}`));
  }
  const lost = acknowledged.filter(({ body }) => !places.has(body));
  const moved = acknowledged.filter(
    ({ body, queue, offset }) => places.get(body)?.has(`${queue} ${offset}`) === false,
  );
  return {
    lost: lost.map(({ body }) => body),
    moved: moved.map(({ body }) => body),
    again: received.length - places.size,
  };
}
