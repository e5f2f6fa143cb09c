import { isFailure } from '../../../src/base/index.ts';
import type { TestReplica } from '../../../src/broker/replication/test-group.ts';
import {
  answered,
  commitRequest,
  createTopic,
  deleteTopic,
  sendRequest,
} from '../../../src/broker/test-broker.ts';
import type { OutgoingRequest } from '../../../src/remoting/index.ts';
import type { Fields, IncomingCommand } from '../../../src/wire/index.ts';
import { RequestCode, ResponseCode, SubscriptionGroupConfig } from '../../../src/wire/index.ts';
import { ensure } from '../broker/violation.ts';
import type { SimRandom, SimWorld } from '../ports/index.ts';
import type { Definition, Expectations } from './expectations.ts';

const attempts = 8;
const retryMs = 400;

/** What came of a request that was tried at every replica, several times. */
type Outcome = { readonly response: IncomingCommand; readonly isClean: boolean } | 'unknown';

/** Clients that ask whoever leads, and note what they were promised. */
export class Clients {
  readonly #world: SimWorld;
  readonly #replicas: readonly TestReplica[];
  readonly #random: SimRandom;
  readonly #expected: Expectations;
  #names = 0;
  #isStopped = false;
  actions = 0;

  constructor(
    world: SimWorld,
    replicas: readonly TestReplica[],
    random: SimRandom,
    expected: Expectations,
  ) {
    this.#world = world;
    this.#replicas = replicas;
    this.#random = random;
    this.#expected = expected;
  }

  /** So many at once, each one request after the other, until `stop`. */
  start(count: number): Promise<void> {
    this.#isStopped = false;
    return Promise.all(Array.from({ length: count }, (_, index) => this.#work(index))).then(
      () => {},
    );
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #work(index: number): Promise<void> {
    const topic = `messages-${index}`;
    const group = `readers-${index}`;
    await this.#define(topic, this.#expected.topics, 1, createTopic(topic, 1));
    for (let _count = 0; !this.#isStopped; _count++) {
      this.actions++;
      switch (this.#random.below(6)) {
        case 0:
          await this.#createTopic(index);
          break;
        case 1:
          await this.#deleteTopic(index);
          break;
        case 2:
          await this.#createGroup(index);
          break;
        case 3:
          await this.#commit(group, topic);
          break;
        default:
          await this.#send(topic, `${index}-${this.#names++}`);
      }
      await this.#sleep(this.#random.below(60));
    }
  }

  async #createTopic(index: number): Promise<void> {
    const queues = 1 + this.#random.below(4);
    const known = [...this.#expected.topics].filter(
      ([name, { value, alsoMaybe }]) =>
        name.startsWith(`t${index}-`) && value !== 'absent' && alsoMaybe === undefined,
    );
    const [again] = known.length > 0 && this.#random.below(3) === 0 ? this.#random.pick(known) : [];
    const name = again ?? `t${index}-${this.#names++}`;
    await this.#define(name, this.#expected.topics, queues, createTopic(name, queues));
  }

  async #deleteTopic(index: number): Promise<void> {
    const known = [...this.#expected.topics].filter(
      ([name, { value, alsoMaybe }]) =>
        name.startsWith(`t${index}-`) && value !== 'absent' && alsoMaybe === undefined,
    );
    if (known.length === 0) return;
    const [name] = this.#random.pick(known);
    await this.#define(name, this.#expected.topics, 'absent', deleteTopic(name));
  }

  async #createGroup(index: number): Promise<void> {
    const groupName = `g${index}-${this.#names++}`;
    const body = SubscriptionGroupConfig.encode(
      SubscriptionGroupConfig.fromJson({ groupName }, ''),
    );
    const request = { code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body };
    await this.#define(groupName, this.#expected.groups, 1, request);
  }

  async #define<F extends Fields>(
    name: string,
    table: Map<string, Definition>,
    value: number | 'absent',
    request: OutgoingRequest<F>,
  ): Promise<void> {
    const definition = table.get(name) ?? { value: 'absent', alsoMaybe: undefined };
    table.set(name, definition);
    if (definition.alsoMaybe !== undefined || definition.value === value) return;
    // From now on it may be so: a reader must not be surprised.
    definition.alsoMaybe = value;
    const outcome = await this.#ask(request);
    if (outcome === 'unknown' || outcome.response.code !== ResponseCode.SUCCESS) return;
    definition.value = value;
    // After a lost answer an earlier attempt may still be on its way: it does the same again, and nothing more is asked.
    definition.alsoMaybe = outcome.isClean ? undefined : value;
    this.#expected.acknowledged++;
  }

  async #send(topic: string, body: string): Promise<void> {
    const outcome = await this.#ask(sendRequest(topic, body), 1);
    if (outcome === 'unknown' || outcome.response.code !== ResponseCode.SUCCESS) return;
    this.#expected.sent(topic, Number(outcome.response.text('queueOffset')), body);
  }

  async #commit(group: string, topic: string): Promise<void> {
    const count = this.#expected.messages.get(topic)?.size ?? 0;
    const offset = Math.max(this.#expected.offsets.get(group) ?? 0, count);
    if (count === 0) return;
    const outcome = await this.#ask(commitRequest(group, topic, 0, offset));
    if (outcome === 'unknown' || outcome.response.code !== ResponseCode.SUCCESS) return;
    this.#expected.committed(group, offset);
  }

  /** At one replica after the other until one does not send it away. */
  async #ask<F extends Fields>(request: OutgoingRequest<F>, tries = attempts): Promise<Outcome> {
    let isClean = true;
    for (let tried = 0; tried < tries * this.#replicas.length; tried++) {
      const replica = this.#replicas[tried % this.#replicas.length] as TestReplica;
      try {
        const response = await replica.client.asking(request);
        const { code, remark = '' } = answered(response);
        if (code === 'SUCCESS') return { response, isClean };
        if (/outcome unknown|did not answer/.test(remark)) isClean = false;
        ensure(code !== 'TOPIC_NOT_EXIST', 'P1', () => `${remark} (${replica.name})`);
      } catch (error) {
        if (!isFailure(error)) throw error;
        isClean = false;
      }
      if (tried % this.#replicas.length === this.#replicas.length - 1) {
        if (this.#isStopped) return 'unknown';
        await this.#sleep(retryMs);
      }
    }
    return 'unknown';
  }

  #sleep(forMs: number): Promise<void> {
    return new Promise((resolve) => this.#world.schedule(forMs, resolve));
  }
}
