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
import type { SimRandom } from '../ports/index.ts';
import type { Cluster } from './cluster.ts';
import type { Definition, Expectations, Value } from './expectations.ts';
import { groupIn, readGroup, readTopic, topicIn } from './read-definitions.ts';

const attempts = 8;
const retryMs = 400;

/** What came of a request that was tried at every replica, several times. */
type Outcome = { readonly response: IncomingCommand; readonly isClean: boolean } | 'unknown';

/** Clients that ask whoever leads, and note what they were promised. */
export class Clients {
  readonly #cluster: Cluster;
  /** Makes messages longer. */
  readonly #padding: string;
  readonly #random: SimRandom;
  readonly #expected: Expectations;
  #names = 0;
  #isStopped = false;
  actions = 0;

  constructor(cluster: Cluster, random: SimRandom, expected: Expectations, padding: string) {
    this.#padding = padding;
    this.#cluster = cluster;
    this.#random = random;
    this.#expected = expected;
  }

  /** So many at once, each one request after the other, until `stop`. What they find wrong ends the seed. */
  async start(count: number): Promise<void> {
    this.#isStopped = false;
    const work = Array.from({ length: count }, (_, index) => [
      this.#work(index),
      this.#readOn(`messages-${index}`),
    ]);
    await Promise.all(
      work.flat().map((one) => one.catch((error: unknown) => this.#cluster.fail(error))),
    );
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #work(index: number): Promise<void> {
    const topic = `messages-${index}`;
    const group = `readers-${index}`;
    await this.#define(topic, this.#expected.topics, '1', createTopic(topic, 1));
    for (let _count = 0; !this.#isStopped; _count++) {
      this.actions++;
      switch (this.#random.below(8)) {
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
        case 4:
          await this.#read(index);
          break;
        default:
          await this.#send(topic, `${index}-${this.#names++}${this.#padding}`);
      }
      await this.#sleep(this.#random.below(60));
    }
  }

  async #createTopic(index: number): Promise<void> {
    const queues = 1 + this.#random.below(4);
    const known = this.#known(this.#expected.topics, `t${index}-`);
    if (known.length > 0 && this.#random.below(3) === 0) {
      const [name, { value }] = this.#random.pick(known);
      // A change that says nothing of attributes leaves them.
      const [, ...attributes] = value.split(' ');
      const changed = [queues, ...attributes].join(' ');
      await this.#define(name, this.#expected.topics, changed, createTopic(name, queues));
      return;
    }
    const name = `t${index}-${this.#names++}`;
    if (this.#random.below(3) > 0) {
      await this.#define(name, this.#expected.topics, `${queues}`, createTopic(name, queues));
      return;
    }
    const request = createTopic(name, queues, { attributes: '+message.type=FIFO' });
    await this.#define(name, this.#expected.topics, `${queues} message.type=FIFO`, request);
  }

  /** Those of one client that are there, and of which nothing is open. */
  #known(table: Map<string, Definition>, prefix: string): [string, Definition][] {
    return [...table].filter(
      ([name, { value, alsoMaybe }]) =>
        name.startsWith(prefix) && value !== 'absent' && alsoMaybe === undefined,
    );
  }

  /**
   * One of its definitions, from a node that serves and that nobody has replaced: a deposed one may answer from what it
   * knows, for as long as its lease lasts (rule 13).
   */
  async #read(index: number): Promise<void> {
    const isTopic = this.#random.below(2) === 0;
    const table = isTopic ? this.#expected.topics : this.#expected.groups;
    const own = [...table].filter(([name]) => name.startsWith(`${isTopic ? 't' : 'g'}${index}-`));
    const { inspector, replicas } = this.#cluster;
    const before = inspector.newestMaster;
    const master = replicas.find(({ name }) => name === before?.name);
    if (own.length === 0 || master === undefined) return;
    const [name, definition] = this.#random.pick(own);
    let response: IncomingCommand;
    try {
      const { client } = master;
      response = await (isTopic ? client.asking(readTopic(name)) : client.asking(readGroup(name)));
    } catch (error) {
      if (!isFailure(error)) throw error;
      return;
    }
    const after = inspector.newestMaster;
    if (after?.name !== before?.name || after?.epoch !== before?.epoch) return;
    // While it hands over, or restarts, it tells so.
    if (response.code !== ResponseCode.SUCCESS && !isAnswer(response)) return;
    const found = isTopic ? topicIn(response, name) : groupIn(response, name);
    this.#expected.checkDefinition(`${name} on ${master.name}`, definition, found);
  }

  async #deleteTopic(index: number): Promise<void> {
    const known = this.#known(this.#expected.topics, `t${index}-`);
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
    await this.#define(groupName, this.#expected.groups, '1', request);
  }

  async #define<F extends Fields>(
    name: string,
    table: Map<string, Definition>,
    value: Value,
    request: OutgoingRequest<F>,
  ): Promise<void> {
    const definition = table.get(name) ?? { value: 'absent', alsoMaybe: undefined };
    table.set(name, definition);
    if (definition.alsoMaybe !== undefined || definition.value === value) return;
    // From now on it may be so: a reader must not be surprised.
    definition.alsoMaybe = value;
    // Now and then a client does not wait for the answer before it asks once more.
    const twice = this.#random.below(8) === 0 ? this.#ask(request, 1) : undefined;
    const first = await this.#ask(request);
    const again = await twice;
    const isTwice = again !== undefined && (again === 'unknown' || !again.isClean);
    const outcome = first === 'unknown' || !isTwice ? first : { ...first, isClean: false };
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

  /** Goes on at any replica, mostly at the end of what was read. */
  async #readOn(topic: string): Promise<void> {
    while (!this.#isStopped) {
      await this.#pull(topic, this.#random.pick(this.#cluster.replicas));
      await this.#sleep(this.#random.below(40));
    }
  }

  async #pull(topic: string, { name, client }: TestReplica): Promise<void> {
    const end = Math.max(-1, ...(this.#expected.read.get(topic)?.keys() ?? [])) + 1;
    const offset = this.#random.below(4) === 0 ? this.#random.below(end + 1) : end;
    const suspendMs = this.#random.below(2) * 500;
    try {
      const pull = { topic, group: 'readers', offset, suspendMs };
      const { code, bodies } = await client.pulling(pull);
      const { inspector } = this.#cluster;
      if (code !== 'SUCCESS' || inspector.mayReadWrong(name)) return;
      if (bodies.length > 0) inspector.wasRead(name, topic, offset + bodies.length - 1);
      bodies.forEach((body, index) => {
        this.#expected.found(topic, offset + index, body, name);
      });
    } catch (error) {
      if (!isFailure(error)) throw error; // It is down, or does not answer.
    }
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
    const { replicas } = this.#cluster;
    for (let tried = 0; tried < tries * replicas.length; tried++) {
      const replica = replicas[tried % replicas.length] as TestReplica;
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
      if (tried % replicas.length === replicas.length - 1) {
        if (this.#isStopped) return 'unknown';
        await this.#sleep(retryMs);
      }
    }
    return 'unknown';
  }

  #sleep(forMs: number): Promise<void> {
    return new Promise((resolve) => this.#cluster.world.schedule(forMs, resolve));
  }
}

/** Other codes say that the node does not serve. */
const isAnswer = ({ code }: IncomingCommand): boolean =>
  code === ResponseCode.TOPIC_NOT_EXIST || code === ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST;
