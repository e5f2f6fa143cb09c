import type { Client } from './client.ts';
import { type Received, type ReceivedLine, readable } from './messages.ts';

export interface PullOptions {
  readonly group: string;
  readonly topic: string;
  readonly expression?: string;
  /** Assigned, whoever else is in the group; without them the group shares all queues. Lite pull only. */
  readonly queues?: readonly number[];
}

interface Named {
  readonly name: string;
  readonly topic: string;
}

interface QueueName {
  readonly queue: number;
  readonly brokerName: string;
}

/** Asks for messages and keeps its place; commits when it is told to. */
export class LitePullConsumer {
  readonly #client: Client;
  readonly #named: Named;

  constructor(client: Client, named: Named) {
    this.#client = client;
    this.#named = named;
  }

  async poll(waitMs = 500): Promise<Received[]> {
    const lines = await this.#ask<ReceivedLine[]>('poll', { waitMs });
    return lines.map(readable);
  }

  /** Polls until at least `count` messages came in all. */
  async pollAll(count: number): Promise<Received[]> {
    const received: Received[] = [];
    const deadline = performance.now() + this.#client.patienceMs;
    while (received.length < count) {
      if (performance.now() > deadline)
        throw new Error(`${count} messages (${received.length} came)`);
      received.push(...(await this.poll()));
    }
    return received;
  }

  async seek(at: QueueName, to: number | 'begin' | 'end'): Promise<void> {
    await this.#ask('seek', { ...at, to });
  }

  async commit(): Promise<void> {
    await this.#ask('commitPolled', {});
  }

  async committed(at: QueueName): Promise<number> {
    return this.#ask('committed', { ...at });
  }

  async offsetForTimestamp(at: QueueName, timestamp: number): Promise<number> {
    return this.#ask('offsetForTimestamp', { ...at, timestamp });
  }

  async stop(): Promise<void> {
    await this.#ask('stopLitePull', {});
  }

  #ask<T>(operation: string, fields: Readonly<Record<string, unknown>>): Promise<T> {
    return this.#client.ask(operation, { ...this.#named, ...fields });
  }
}

export interface Pulled {
  readonly status: 'FOUND' | 'NO_NEW_MSG' | 'NO_MATCHED_MSG' | 'OFFSET_ILLEGAL';
  readonly next: number;
  readonly min: number;
  readonly max: number;
  readonly messages: readonly Received[];
}

/** Asks for the messages of one queue from an offset on. */
export class PullConsumer {
  readonly #client: Client;
  readonly #named: Named;

  constructor(client: Client, named: Named) {
    this.#client = client;
    this.#named = named;
  }

  async queues(): Promise<number[]> {
    return this.#ask('queues', {});
  }

  async pull(
    at: QueueName,
    from: {
      readonly offset: number;
      readonly count?: number;
      readonly expression?: string;
      /** For a message that is not there yet. */
      readonly wait?: boolean;
    },
  ): Promise<Pulled> {
    const given = { count: 32, expression: '*', wait: false, ...from };
    const pulled = await this.#ask<Omit<Pulled, 'messages'> & { messages: ReceivedLine[] }>(
      'pull',
      { ...at, ...given },
    );
    return { ...pulled, messages: pulled.messages.map(readable) };
  }

  async updateOffset(at: QueueName, offset: number): Promise<void> {
    await this.#ask('updateOffset', { ...at, offset });
  }

  async fetchOffset(at: QueueName): Promise<number> {
    return this.#ask('fetchOffset', { ...at });
  }

  /** Gives the message back, to be delivered again later. */
  async sendBack(at: QueueName, offset: number, delayLevel: number): Promise<void> {
    await this.#ask('sendBack', { ...at, offset, delayLevel });
  }

  async stop(): Promise<void> {
    await this.#ask('stopPull', {});
  }

  #ask<T>(operation: string, fields: Readonly<Record<string, unknown>>): Promise<T> {
    return this.#client.ask(operation, { ...this.#named, ...fields });
  }
}
