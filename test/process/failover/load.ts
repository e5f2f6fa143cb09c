import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../interop/support/waiting.ts';
import type { Group, GroupNode } from './group.ts';
import type { Journal } from './journal.ts';
import { Remote } from './remote.ts';
import { Writer } from './writer.ts';

const writers = 3;
const retryMs = 20;
const stepsEach = 6;
const moreAcknowledgements = 20;
const moreLimitMs = 60_000;

/** Writers that create, change and delete all the time, and look for the master whenever it refuses or is gone. */
export class Load {
  readonly #group: Group;
  readonly #journal: Journal;
  readonly #prefix: string;
  readonly #stop = new AbortController();
  readonly #done: Promise<unknown>;
  /** Requests without an answer, although the connection stayed open: a broker must say when an outcome is unknown. */
  unanswered = 0;
  #acknowledged = 0;

  constructor(group: Group, journal: Journal, prefix: string) {
    this.#group = group;
    this.#journal = journal;
    this.#prefix = prefix;
    const all = Array.from({ length: writers }, (_, index) => this.#write(index));
    this.#done = Promise.all(all);
  }

  /** Until acknowledgements have come that were not there before. */
  async untilMore(): Promise<void> {
    const enough = this.#acknowledged + moreAcknowledgements;
    await eventually(
      moreLimitMs,
      'acknowledgements',
      () => this.#acknowledged >= enough || undefined,
    );
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #write(index: number): Promise<void> {
    const { brokers } = this.#group;
    let at = 0;
    for (let step = 0; !this.#stop.signal.aborted; ) {
      const node = brokers[at % brokers.length] as GroupNode;
      using remote = new Remote(node.address);
      const writer = new Writer(remote, this.#journal);
      while (!this.#stop.signal.aborted) {
        const isTaken = await this.#step(writer, index, step);
        // Another topic and group after a failure: what builds on an unknown outcome would not tell anything.
        step = isTaken ? step + 1 : (Math.floor(step / stepsEach) + 1) * stepsEach;
        if (!isTaken) break;
        this.#acknowledged += 1;
      }
      this.unanswered += remote.unanswered;
      at += 1;
      await sleep(retryMs, undefined, { signal: this.#stop.signal }).catch(() => {}); // Told to stop.
    }
  }

  /** A topic, a group, a message, an offset; then of every third one the topic is changed, of every fourth deleted. */
  #step(writer: Writer, index: number, step: number): Promise<boolean> {
    const number = Math.floor(step / stepsEach);
    const topic = `${this.#prefix}load-${index}-topic-${number}`;
    const group = `${this.#prefix}load-${index}-group-${number}`;
    switch (step % stepsEach) {
      case 0:
        return writer.defineTopic(topic, { queues: 1, perm: 6, messageType: 'NORMAL' });
      case 1:
        return writer.defineGroup(group, { retryMaxTimes: 4, consumeEnable: true });
      case 2:
        return writer.send(topic, 0, 'first');
      case 3:
        return writer.commitOffset(group, topic, 0, 1);
      case 4:
        return number % 3 === 0
          ? writer.defineTopic(topic, { queues: 2, perm: 6, messageType: 'FIFO' })
          : writer.send(topic, 0, 'second');
      default:
        return number % 4 === 0
          ? writer.deleteTopic(topic)
          : writer.defineGroup(group, { retryMaxTimes: 9, consumeEnable: false });
    }
  }
}
