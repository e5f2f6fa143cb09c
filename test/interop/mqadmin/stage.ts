import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Flavour } from '../support/client.ts';
import { membersOf } from '../support/definitions.ts';
import type { Sent } from '../support/messages.ts';
import type { Target, TargetKind } from '../support/target.ts';
import { directly } from '../support/world.ts';
import { Mqadmin, type MqadminProgram, type Outcome } from './mqadmin.ts';
import type { Step } from './step.ts';

const patienceMs = 60_000;
const untilLimitMs = 60_000;

/** Messages are sent one by one to a given queue, so that offsets are the same on both targets. */
const drafts: readonly { queue: number; tags: string; keys: string; body: string }[] = [
  { queue: 0, tags: 'red', keys: 'one', body: 'first' },
  { queue: 1, tags: 'blue', keys: 'two', body: 'second' },
  { queue: 0, tags: 'red', keys: 'three', body: 'third' },
  { queue: 1, tags: 'blue', keys: 'one', body: 'fourth' },
  { queue: 0, tags: 'green', keys: 'five', body: 'fifth' },
];

interface Addresses {
  readonly nameServer: string;
  readonly broker: string;
}

/** A target with messages and connected clients, and mqadmin beside it. It ends with the stage. */
export class Stage implements AsyncDisposable {
  readonly kind: TargetKind;
  readonly target: Target;
  readonly #mqadmin: Mqadmin;
  readonly #folder: string;
  readonly #client: Client;
  readonly #words: Record<string, string>;

  /** `folder` must be one of its own. */
  static async open(
    target: Target,
    folder: string,
    parts: { readonly flavour: Flavour; readonly mqadmin: MqadminProgram },
  ): Promise<Stage> {
    const stage = new Stage(target, folder, parts);
    try {
      await stage.#prepare(parts.flavour);
    } catch (failure) {
      await stage[Symbol.asyncDispose]();
      throw failure;
    }
    return stage;
  }

  private constructor(
    target: Target,
    folder: string,
    parts: { readonly flavour: Flavour; readonly mqadmin: MqadminProgram },
  ) {
    this.kind = target.kind;
    this.target = target;
    this.#folder = folder;
    this.#mqadmin = new Mqadmin(parts.mqadmin, folder);
    this.#client = new Client({ ...parts, nameServer: target.nameServer, patienceMs });
    const { brokerName, cluster } = target;
    this.#words = { brokerName, cluster, folder };
  }

  /** A topic with messages that a running consumer has consumed, and a running producer. */
  async #prepare(flavour: Flavour): Promise<void> {
    const topic = 'Prepared';
    const group = 'PreparedGroup';
    await this.run({ run: `updateTopic -c {cluster} -t ${topic} -r 2 -w 2`, until: /success/ });
    await this.run({ run: `updateSubGroup -c {cluster} -g ${group}`, until: /success/ });
    await this.run({ run: `topicRoute -t ${topic}`, until: /brokerName/ });
    const producer = await this.#client.startProducer('PreparedProducers');
    const sent: Sent[] = [];
    for (const { queue, body, ...others } of drafts) {
      const draft = { topic, ...others, body: Buffer.from(body) };
      sent.push(...(await producer.send('sync', [draft], queue)));
    }
    const consumer = await this.#client.startConsumer({ group, topic });
    await consumer.untilReceived(sent.length);
    const world = directly(this.target, flavour);
    const [clientId = ''] = await membersOf(world, group);
    this.#words['clientId'] = clientId;
    for (const [index, { id, offsetId }] of sent.entries()) {
      this.#words[`uniqueId${index}`] = id ?? '';
      this.#words[`offsetId${index}`] = offsetId;
    }
    // Offsets are committed every 5 s, the first time 10 s after the start.
    const committed = /Prepared +\S+ +0 +3 +3 [\s\S]*Prepared +\S+ +1 +2 +2 [\s\S]*Diff Total: 0/;
    const { out } = await this.run({ run: `consumerProgress -g ${group}`, until: committed });
    if (!committed.test(out)) throw new Error(`the prepared consumer did not commit:\n${out}`);
  }

  /** Runs a command until its output is as the step wants it; `at` is where the target is reached. */
  async run(step: Step, at: Addresses = this.target): Promise<Outcome> {
    const { nameServer, broker } = at;
    const words = { ...this.#words, nameServer, broker };
    const args = step.run.split(' ').map((word) => filledIn(word, words));
    if (step.writes !== undefined) await rm(join(this.#folder, step.writes), { force: true });
    const deadline = performance.now() + untilLimitMs;
    for (;;) {
      const outcome = await this.#mqadmin.run([...args, '-n', nameServer]);
      const isDone = step.until?.test(outcome.out + outcome.err) ?? true;
      if (isDone || performance.now() > deadline) return this.#withFile(step, outcome);
      await sleep(200);
    }
  }

  async #withFile(step: Step, outcome: Outcome): Promise<Outcome> {
    const out = outcome.out.replaceAll(this.#folder, '<folder>');
    if (step.writes === undefined) return { ...outcome, out };
    const content = await readFile(join(this.#folder, step.writes), 'utf8').catch(String);
    return { ...outcome, out: `${out}\n--- file\n${content}` };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mqadmin[Symbol.asyncDispose]();
    await this.#client[Symbol.asyncDispose]();
    await this.target[Symbol.asyncDispose]();
  }
}

function filledIn(word: string, words: Readonly<Record<string, string>>): string {
  return word.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const value = words[name];
    if (value === undefined) throw new Error(`nothing is called {${name}}`);
    return value;
  });
}
