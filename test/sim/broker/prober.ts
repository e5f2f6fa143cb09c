import { ResponseCode } from '../../../src/wire/index.ts';
import type { SimRandom } from '../ports/index.ts';
import type { Model } from './model.ts';
import { ensure } from './violation.ts';
import type { Outcome, WireClient } from './wire-client.ts';

/** Asks a broker that is starting for what is sure to be there: "not yet" is an answer, "there is none" is a lie. */
export class Prober {
  readonly #model: Model;
  readonly #connect: () => WireClient;
  readonly #random: SimRandom;

  constructor(model: Model, connect: () => WireClient, random: SimRandom) {
    this.#model = model;
    this.#connect = connect;
    this.#random = random;
  }

  async probe(afterMs: number): Promise<void> {
    const client = this.#connect();
    await client.node.clock.sleep(afterMs);
    await Promise.all([this.#topics(client), this.#offsets(client), this.#queues(client)]);
  }

  async #topics(client: WireClient): Promise<void> {
    const topics = [...this.#model.topics.values()].filter((topic) =>
      topic.value.upTo(0).every((value) => value !== undefined),
    );
    const topic = topics[this.#random.below(Math.max(1, topics.length))];
    if (topic === undefined) return;
    const outcome = await client.topic(topic.name);
    this.#mustNotDeny(outcome, topic.name);
    ensure(
      outcome.type !== 'done' || outcome.value !== undefined,
      'P5',
      () => `a starting broker says that there is no topic ${topic.name}`,
    );
  }

  async #offsets(client: WireClient): Promise<void> {
    const all = [...this.#model.progress.values()].filter(({ offset }) =>
      offset.upTo(0).every((value) => value !== undefined),
    );
    const progress = all[this.#random.below(Math.max(1, all.length))];
    if (progress === undefined) return;
    const { group, topic, queueId } = progress;
    const outcome = await client.queryOffset(group.name, topic.name, queueId);
    this.#mustNotDeny(outcome, progress.name);
    ensure(
      outcome.type !== 'done' || outcome.value !== undefined,
      'P5',
      () => `a starting broker says that there is no offset of ${progress.name}`,
    );
  }

  async #queues(client: WireClient): Promise<void> {
    for (const topic of this.#model.topics.values()) {
      for (const [queueId, queue] of topic.queues) {
        const offsets = [...queue.values()].filter(({ state }) => state === 'safe');
        if (offsets.length === 0) continue;
        const least = topic.nextAtLeast.get(queueId) ?? 0;
        const outcome = await client.maxOffset(topic.name, queueId);
        ensure(
          outcome.type !== 'done' || outcome.value >= least,
          'P5',
          () =>
            `a starting broker says that ${topic.name}/${queueId} ends at ${JSON.stringify(outcome)}, and it is ${least}`,
        );
        return;
      }
    }
  }

  #mustNotDeny(outcome: Outcome<unknown>, what: string): void {
    if (outcome.type !== 'refused') return;
    const denies =
      outcome.code === ResponseCode.TOPIC_NOT_EXIST ||
      outcome.code === ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST ||
      outcome.code === ResponseCode.QUERY_NOT_FOUND;
    ensure(!denies, 'P5', () => `a starting broker denies ${what}: ${outcome.remark}`);
  }
}
