import { eventually } from '../../interop/support/waiting.ts';
import { codes, success } from './codes.ts';
import type { Group, GroupNode } from './group.ts';
import {
  type Counts,
  compare,
  type Fault,
  type FaultKind,
  type Journal,
  kinds,
} from './journal.ts';
import { namePrefix } from './names.ts';
import { randomFrom } from './random.ts';
import { readNode } from './reader.ts';
import { Remote } from './remote.ts';
import { Writer } from './writer.ts';

/** What one round measured. */
export interface Figures {
  readonly scenario: string;
  readonly target: 'holdfast' | 'java';
  readonly round: number;
  readonly seed: number;
  readonly delayMs: number;
  readonly acknowledged: Counts;
  readonly missing: Counts;
  readonly stale: Counts;
  readonly returned: Counts;
  /** From a kill to the first acknowledged write, where there was a kill; the longest of the round. */
  readonly firstWriteMs: number | undefined;
  /** Between the acknowledgement of the oldest topic or group that is missing and the kill. */
  readonly oldestLossMs: number | undefined;
  /** Faults of the other replica that the leading one does not have, once it follows. */
  readonly replicaFaults: number | undefined;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

export const isFaultless = (figures: Figures): boolean =>
  figures.problems.length === 0 &&
  (figures.replicaFaults ?? 0) === 0 &&
  [figures.missing, figures.stale, figures.returned].every((counts) => total(counts) === 0);

export const total = (counts: Counts): number => kinds.reduce((sum, kind) => sum + counts[kind], 0);

const countsOf = (faults: readonly Fault[], fault: FaultKind): Counts => {
  const of = (kind: string): number =>
    faults.filter((one) => one.fault === fault && one.kind === kind).length;
  return {
    topics: of('topics'),
    groups: of('groups'),
    offsets: of('offsets'),
    messages: of('messages'),
  };
};

const listed = 12;
const equalLimitMs = 30_000;
/** Java's slaves copy tables every few seconds. */
const javaSettleMs = 16_000;
const firstWriteLimitMs = 60_000;

/** One round: it changes things, breaks something, and compares. */
export class Round {
  readonly scenario: string;
  readonly number: number;
  readonly seed: number;
  readonly group: Group;
  readonly journal: Journal;
  readonly random: () => number;
  /** Of names made in this round. */
  readonly prefix: string;
  /** For the proof that a loss is seen: called when all is done, before something breaks. */
  meddle: (master: GroupNode) => Promise<void> = async () => {};
  delayMs = 0;
  killedAtMs: number | undefined;
  /** The longest of the round. */
  firstWriteMs: number | undefined;
  #isTimed = false;
  readonly #before: Counts;
  readonly #probe: string;
  readonly #faults: Fault[] = [];
  readonly #beganAt = new Date().toISOString();
  #replicaFaults: number | undefined;
  #tries = 0;
  readonly #problems: string[] = [];
  readonly #notes: string[] = [];

  constructor(scenario: string, number: number, seed: number, group: Group, journal: Journal) {
    this.scenario = scenario;
    this.number = number;
    this.seed = seed;
    this.group = group;
    this.journal = journal;
    this.random = randomFrom(seed);
    this.prefix = `${namePrefix}${scenario}-${number}-`;
    this.#before = journal.acknowledged;
    this.#probe = `${this.prefix}first`;
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  problem(text: string): void {
    this.#problems.push(text);
  }

  /** A connection and a writer on it for as long as `act` takes. */
  async at<T>(node: GroupNode, act: (writer: Writer) => Promise<T>): Promise<T> {
    using remote = new Remote(node.address);
    return await act(new Writer(remote, this.journal));
  }

  async kill(...nodes: readonly GroupNode[]): Promise<void> {
    this.killedAtMs = performance.now();
    this.#isTimed = false;
    await this.group.kill(...nodes);
  }

  /** The topic whose messages tell when there is a master again: made while all is well. */
  prepare(master: GroupNode): Promise<boolean> {
    const wanted = { queues: 4, perm: 6, messageType: '' };
    return this.at(master, (writer) => writer.defineTopic(this.#probe, wanted));
  }

  /** Until one of these acknowledges a message; to it. What is refused or lost on the way is tried again. */
  async firstWrite(...candidates: readonly GroupNode[]): Promise<GroupNode> {
    const node = await eventually(firstWriteLimitMs, 'a broker that takes messages', () =>
      this.tryWrite(...candidates),
    );
    if (this.killedAtMs !== undefined && !this.#isTimed) {
      const tookMs = Math.round(performance.now() - this.killedAtMs);
      this.firstWriteMs = Math.max(this.firstWriteMs ?? 0, tookMs);
      this.#isTimed = true;
    }
    return node;
  }

  /** One message to each of these until one acknowledges it; to that one. */
  async tryWrite(...candidates: readonly GroupNode[]): Promise<GroupNode | undefined> {
    for (const candidate of candidates) {
      this.#tries += 1;
      const what = `try ${this.#tries}`;
      const options = { limitMs: 1000, mayCreate: this.group.kind === 'java' }; // Java may have lost it.
      const isTaken = await this.at(candidate, (writer) =>
        writer.send(this.#probe, 0, what, options),
      );
      if (isTaken) return candidate;
    }
    return undefined;
  }

  /** Why a broker does not lead, as the logs say it to an operator; undefined when they do not. */
  async whyNotLeading(node: GroupNode): Promise<string | undefined> {
    const controllers = this.group.nodes.filter(({ kind }) => kind === 'controller');
    const logs = [node, ...controllers.filter((one) => this.group.isRunning(one))];
    const texts = await Promise.all(logs.map((one) => this.group.logOf(one)));
    const said = texts.flatMap((text) => warningsSince(text, this.#beganAt));
    return said.findLast((line) => /nobody leads|no controller answers/.test(line));
  }

  /** Everything that was ever acknowledged, against what the leading broker has. */
  async compareMaster(node: GroupNode): Promise<void> {
    await this.#guarded(`comparison of ${node.name}`, async () => {
      this.#faults.push(...(await this.#compare(node, 'master')));
    });
  }

  /** The same for a replica that follows, at the position where the master is. */
  async compareReplica(node: GroupNode): Promise<void> {
    await this.#guarded(`comparison of the replica ${node.name}`, async () => {
      const leader = (await this.group.state())?.master;
      if (leader === node.address) throw new Error('it leads');
      await this.#untilEqual(node, leader);
      const faults = await this.#compare(node, 'slave');
      this.#replicaFaults = (this.#replicaFaults ?? 0) + faults.length;
    });
  }

  async #compare(node: GroupNode, role: 'master' | 'slave'): Promise<readonly Fault[]> {
    using remote = new Remote(node.address);
    const faults = compare(this.journal, await readNode(remote, this.journal, role));
    for (const { fault, kind, key, wanted, found } of faults.slice(0, listed)) {
      this.note(`${node.name}: ${fault} of ${kind}: ${key}, wanted ${wanted}, found ${found}`);
    }
    for (const { kind, key, found } of faults) this.journal.settle(kind, key, found);
    return faults;
  }

  async #untilEqual(replica: GroupNode, leader: string | undefined): Promise<void> {
    if (this.group.kind === 'java') {
      await new Promise((resolve) => setTimeout(resolve, javaSettleMs));
      return;
    }
    let last: unknown;
    const describe = (): string => `both replicas at one position: ${JSON.stringify(last)}`;
    await eventually(equalLimitMs, describe, async () => {
      const [one, other] = await Promise.all(
        [replica.address, leader].map((address) => address && placeOf(address)),
      );
      last = [one, other];
      if (!one || !other) return undefined;
      if (one.applied !== other.applied || one.sequence !== other.sequence) return undefined;
      if (one.digest !== other.digest) throw new Error(`different digests: ${describe()}`);
      // A replica hears of what is committed a moment after it has it, and shows no more than that.
      return (one.commitPoint === other.end && other.commitPoint === other.end) || undefined;
    });
  }

  async #guarded(what: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (failure) {
      this.problem(`${what}: ${failure instanceof Error ? failure.message : String(failure)}`);
    }
  }

  end(): Figures {
    const after = this.journal.acknowledged;
    const acknowledged = Object.fromEntries(
      kinds.map((kind) => [kind, after[kind] - this.#before[kind]]),
    ) as Record<(typeof kinds)[number], number>;
    const losses = this.#faults.flatMap(({ fault, kind, acknowledgedAtMs: at }) => {
      const isDefinition = kind === 'topics' || kind === 'groups';
      return isDefinition && fault === 'missing' && at !== undefined ? [at] : [];
    });
    const { killedAtMs } = this;
    const oldestLossMs =
      losses.length === 0 || killedAtMs === undefined
        ? undefined
        : Math.round(killedAtMs - Math.min(...losses));
    const { scenario, number: round, seed, delayMs, firstWriteMs } = this;
    return {
      ...{ scenario, target: this.group.kind, round, seed, delayMs, acknowledged },
      missing: countsOf(this.#faults, 'missing'),
      stale: countsOf(this.#faults, 'stale'),
      returned: countsOf(this.#faults, 'returned'),
      ...{ firstWriteMs, oldestLossMs, replicaFaults: this.#replicaFaults },
      ...{ problems: this.#problems, notes: this.#notes },
    };
  }
}

interface Place {
  readonly end: number;
  readonly commitPoint: number;
  readonly applied: number;
  readonly sequence: number;
  readonly digest: string;
}

async function placeOf(address: string): Promise<Place | undefined> {
  using remote = new Remote(address);
  const answer = await remote.request(codes.replicaStatus);
  if (answer.header.code !== success) return undefined;
  return JSON.parse(Buffer.from(answer.body).toString()) as Place;
}

/** Of a log in JSON, as one line each. */
function warningsSince(log: string, beganAt: string): readonly string[] {
  return log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Readonly<Record<string, string>>)
    .filter(({ level, time = '' }) => level === 'warn' && time >= beganAt)
    .map(({ msg, why, reason }) => `${msg}: ${why ?? reason}`);
}
