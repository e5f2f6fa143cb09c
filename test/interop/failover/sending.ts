import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../support/client.ts';
import type { Place } from '../support/messages.ts';
import type { Producer } from '../support/push.ts';
import { eventually } from '../support/waiting.ts';

/** As the client comes. */
const stockTimeoutMs = 3000;
const stockRetries = 2;
export const stockPollMs = 30_000;
const senders = 2;
const betweenMs = 10;

export interface SendingOptions {
  readonly topic: string;
  readonly pollMs?: number;
}

export interface Acknowledged extends Place {
  readonly body: string;
  readonly atMs: number;
}

interface Refused {
  readonly atMs: number;
  readonly message: string;
}

/** What the producer of an application sees from a moment on. */
export interface SeenBySender {
  readonly acknowledged: number;
  readonly errors: readonly string[];
  /** The longest time between two acknowledgements. */
  readonly longestPauseMs: number;
}

/** A producer that is started once, and threads of an application that send with it one message after the other. */
export class Sending {
  readonly acknowledged: Acknowledged[] = [];
  readonly #topic: string;
  readonly #producer: Producer;
  readonly #refused: Refused[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<unknown>;

  private constructor(topic: string, producer: Producer) {
    this.#topic = topic;
    this.#producer = producer;
    this.#done = Promise.all(Array.from({ length: senders }, (_, index) => this.#send(index)));
  }

  static async start(client: Client, options: SendingOptions): Promise<Sending> {
    const { topic, pollMs = stockPollMs } = options;
    const producer = await client.startProducer(`${topic}-producers`, {
      ...{ retries: stockRetries, timeoutMs: stockTimeoutMs, pollMs },
    });
    return new Sending(topic, producer);
  }

  /** Until that many more were acknowledged. */
  async untilMore(count: number, limitMs: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    await eventually(
      limitMs,
      `messages of ${this.#topic} are acknowledged`,
      () => this.acknowledged.length >= wanted || undefined,
    );
  }

  /** What happened since this moment of Date.now(). */
  seenSince(sinceMs: number): SeenBySender {
    const errors = this.#refused.filter(({ atMs }) => atMs >= sinceMs);
    const times = this.acknowledged.map(({ atMs }) => atMs);
    return {
      acknowledged: times.filter((atMs) => atMs >= sinceMs).length,
      errors: errors.map(({ message }) => message),
      longestPauseMs: longestGapSince(sinceMs, times),
    };
  }

  /** Ends the sending, not the producer. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  /** Of a sending that has ended. */
  async stopProducer(): Promise<void> {
    await this.#producer.stop();
  }

  async #send(index: number): Promise<void> {
    const topic = this.#topic;
    for (let number = 0; !this.#stop.signal.aborted; number += 1) {
      const body = `${topic} ${index} ${number}`;
      try {
        const [sent] = await this.#producer.send('sync', [{ topic, body: Buffer.from(body) }]);
        if (sent === undefined) throw new Error('no answer');
        const { queue, offset } = sent;
        this.acknowledged.push({ body, queue, offset, atMs: Date.now() });
      } catch (failure) {
        this.#refused.push({ atMs: Date.now(), message: String(failure) });
      }
      await sleep(betweenMs);
    }
  }
}

/** Counting the gap that the moment lies in as a whole. */
export function longestGapSince(sinceMs: number, times: readonly number[]): number {
  const before = times.filter((atMs) => atMs < sinceMs).slice(-1);
  const counted = [...before, ...times.filter((atMs) => atMs >= sinceMs)];
  return Math.max(0, ...counted.slice(1).map((atMs, index) => atMs - (counted[index] ?? atMs)));
}
