import type { Client } from '../support/client.ts';
import type { Place, Received } from '../support/messages.ts';
import type { Consumer } from '../support/push.ts';
import { eventually } from '../support/waiting.ts';
import {
  type Acknowledged,
  longestGapSince,
  Sending,
  type SendingOptions,
  stockPollMs,
} from './sending.ts';

const moreLimitMs = 90_000;

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
  readonly #sending: Sending;

  private constructor(topic: string, group: string, consumer: Consumer, sending: Sending) {
    this.topic = topic;
    this.group = group;
    this.#consumer = consumer;
    this.#sending = sending;
  }

  static async start(client: Client, options: SendingOptions): Promise<Traffic> {
    const { topic, pollMs = stockPollMs } = options;
    const group = `${topic}-group`;
    const consumer = await client.startConsumer({ group, topic, pollMs });
    return new Traffic(topic, group, consumer, await Sending.start(client, options));
  }

  /** Until messages that are sent from now on were acknowledged and received. */
  async untilFlows(count = 40): Promise<void> {
    const from = this.acknowledged.length;
    await eventually(moreLimitMs, `messages of ${this.topic} flow`, () => {
      if (this.acknowledged.length < from + count) return undefined;
      const bodies = this.#bodiesReceived();
      return bodies.has(this.acknowledged[from + count - 1]?.body ?? '') || undefined;
    });
  }

  /** What happened since this moment of Date.now(). */
  seenSince(sinceMs: number): Seen {
    const { acknowledged, errors, longestPauseMs } = this.#sending.seenSince(sinceMs);
    const receivedAtMs = this.#consumer.received.map(({ at }) => at);
    return {
      ...{ acknowledged, errors, longestSendPauseMs: longestPauseMs },
      longestReceivePauseMs: longestGapSince(sinceMs, receivedAtMs),
    };
  }

  /** Ends the sending, not the clients. */
  async end(): Promise<void> {
    await this.#sending.end();
  }

  async stopConsumer(): Promise<void> {
    await this.#consumer.stop();
  }

  get acknowledged(): readonly Acknowledged[] {
    return this.#sending.acknowledged;
  }

  get received(): readonly Received[] {
    return this.#consumer.received;
  }

  #bodiesReceived(): Set<string> {
    return new Set(this.#consumer.received.map(textOf));
  }
}

export const textOf = ({ body }: { readonly body: Uint8Array }): string =>
  Buffer.from(body).toString();

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
