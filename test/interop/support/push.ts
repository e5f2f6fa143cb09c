import type { Client } from './client.ts';
import type { Draft, Received, SendAnswer, Sent } from './messages.ts';
import { eventually } from './waiting.ts';

export class Producer {
  readonly #client: Client;
  readonly #name: string;

  constructor(client: Client, name: string) {
    this.#client = client;
    this.#name = name;
  }

  /** Sends and waits for all answers; throws when one is not SEND_OK. */
  async send(how: 'sync' | 'async', messages: readonly Draft[], queue?: number): Promise<Sent[]> {
    const answers = await this.#ask(how, messages, queue);
    return answers.map(({ id, offsetId, queue: at, offset }, index) => {
      return { ...(messages[index] as Draft), id, offsetId, queue: at, offset };
    });
  }

  /** The one answer to a batch, taken apart. */
  async sendBatch(messages: readonly Draft[]): Promise<Sent[]> {
    const [answer] = await this.#ask('batch', messages);
    if (answer === undefined) throw new Error('no answer to a batch');
    const offsetIds = answer.offsetId.split(',');
    const ids = answer.id === '' ? [] : answer.id.split(',');
    return messages.map((message, index) => ({
      ...message,
      id: ids[index],
      offsetId: offsetIds[index] ?? '',
      queue: answer.queue,
      offset: answer.offset + index,
    }));
  }

  async sendOneway(messages: readonly Draft[]): Promise<void> {
    await this.#ask('oneway', messages);
  }

  async #ask(how: string, messages: readonly Draft[], queue?: number): Promise<SendAnswer[]> {
    const answers = await this.#client.ask<SendAnswer[]>('send', {
      name: this.#name,
      how,
      queue,
      messages: messages.map(({ body, ...others }) => {
        return { ...others, body: Buffer.from(body).toString('base64') };
      }),
    });
    for (const { status } of answers) {
      if (status !== 'SEND_OK') throw new Error(`send: ${status}`);
    }
    return answers;
  }

  async stop(): Promise<void> {
    await this.#client.ask('stopProducer', { name: this.#name });
  }
}

export class Consumer {
  /** In the order of arrival. */
  readonly received: Received[] = [];
  readonly #client: Client;
  readonly #name: string;

  constructor(client: Client, name: string) {
    this.#client = client;
    this.#name = name;
  }

  /** Waits until at least `count` messages came in all. */
  async untilReceived(count: number): Promise<void> {
    const what = (): string => `${count} messages (${this.received.length} came)`;
    await eventually(this.#client.patienceMs, what, () =>
      this.received.length >= count ? true : undefined,
    );
  }

  /** Ends it the clean way: offsets are committed. */
  async stop(): Promise<void> {
    await this.#client.ask('stopConsumer', { name: this.#name });
  }
}
