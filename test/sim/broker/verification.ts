import { isFailure } from '../../../src/base/index.ts';
import { delaySourceProperty, type LocalStore } from '../../../src/views/index.ts';
import { SCHEDULE_TOPIC } from '../../../src/views/schedule/index.ts';
import type { StoredMessage } from '../../../src/wire/index.ts';
import { textOf } from './configs.ts';
import { checkDeliveries, type LogContent, readLog } from './inspection.ts';
import {
  type Group,
  type Model,
  messageOf,
  type Progress,
  type SentMessage,
  type Topic,
} from './model.ts';
import { delayLevelsMs } from './options.ts';
import { ensure, Violation } from './violation.ts';
import type { Outcome, WireClient } from './wire-client.ts';

export interface VerificationOptions {
  /** Reads all messages over the wire too, not just in the log. */
  readonly overWire: boolean;
  /** Compares the tables with a replay of the whole log. */
  readonly replay: boolean;
}

/** Groups that every broker has; nothing is committed for this one. */
const toolsGroup = 'TOOLS_CONSUMER';
const pullCount = 32;
const readAttempts = 4;
/** The end of a segment takes no longer. */
const retentionMs = 30;
/** Longer than the longest level, and than the delete of a topic that a delivery waits for. */
const deliveryMs = 200;

/**
 * Reads everything back from a broker that has just started, while nobody else asks anything of it: what was promised
 * must be there, and nothing that cannot be. What is found is what counts from then on.
 */
export class Verification {
  readonly #model: Model;
  readonly #connect: () => WireClient;
  readonly #expectsRefusals: () => boolean;
  #client: WireClient;
  /** Topics and groups that a broker makes for itself. */
  #systemNames: { readonly topics: string; readonly groups: string } | undefined;

  /** `expectsRefusals`: the drive is full, or was until just now. */
  constructor(model: Model, connect: () => WireClient, expectsRefusals: () => boolean) {
    this.#model = model;
    this.#expectsRefusals = expectsRefusals;
    this.#connect = connect;
    this.#client = connect();
  }

  async run(local: LocalStore, options: VerificationOptions): Promise<void> {
    // That of the last time may still wait for a dead process.
    this.#client = this.#connect();
    await this.#definitions();
    await this.#messages(local, options);
    await this.#progress(local);
  }

  async #definitions(): Promise<void> {
    const topics = expectDone(await this.#client.allTopics(), 'all topics');
    const groups = expectDone(await this.#client.allGroups(), 'all groups');
    for (const topic of this.#model.topics.values()) {
      const found = topics.get(topic.name);
      if (this.#settle(topic, found && textOf(found))) continue;
      topic.forgetMessages();
      for (const message of this.#model.messages.values()) {
        if (message.topic === topic) message.state = 'gone';
      }
      this.#forgetProgress((progress) => progress.topic === topic);
    }
    for (const group of this.#model.groups.values()) {
      const found = groups.get(group.name);
      if (!this.#settle(group, found && textOf(found)))
        this.#forgetProgress((progress) => progress.group === group);
    }
    this.#nothingElse(
      [...topics.keys()].filter(
        (name) => !this.#model.topics.has(name) && !this.#model.implied.has(name),
      ),
      [...groups.keys()].filter((name) => !this.#model.groups.has(name)),
    );
  }

  /** Returns whether it exists. */
  #settle(subject: Topic | Group, found: string | undefined): boolean {
    const candidates = subject.value.now();
    const left = candidates.filter((value) => value?.text === found);
    if (left.length === 0) {
      const expected = candidates.map((value) => value?.text ?? 'nothing').join(' or ');
      const promise = candidates.every((value) => value === undefined) ? 'P2' : 'P1';
      throw new Violation(promise, `${subject.name} is ${found ?? 'gone'}; expected ${expected}`);
    }
    // Each candidate is one of the subject's own values.
    (subject.value as { settle(candidates: readonly unknown[]): void }).settle(left);
    return found !== undefined;
  }

  #forgetProgress(applies: (progress: Progress) => boolean): void {
    for (const progress of this.#model.progress.values()) if (applies(progress)) progress.forget(0);
  }

  #nothingElse(topics: readonly string[], groups: readonly string[]): void {
    const names = { topics: topics.toSorted().join(), groups: groups.toSorted().join() };
    this.#systemNames ??= names;
    ensure(
      names.topics === this.#systemNames.topics && names.groups === this.#systemNames.groups,
      'P3',
      () =>
        `nobody asked for all of these topics ${names.topics} (first ${this.#systemNames?.topics}) and groups ${names.groups}`,
    );
  }

  async #messages(local: LocalStore, options: VerificationOptions): Promise<void> {
    const { store } = local;
    const { delayProgress } = store;
    if ([...this.#model.messages.values()].some(isUndelivered)) {
      await this.#client.node.clock.sleep(deliveryMs);
    }
    const next = delayLevelsMs.map((_, queueId) => delayProgress.next(queueId));
    const isFull = this.#expectsRefusals();
    const content = await this.#readLog(local, options);
    checkDeliveries(store, content, (queueId) => (isFull ? (next[queueId] ?? 0) : undefined));
    this.#waiting(content, store.log.begin);
    for (const topic of this.#model.topics.values()) {
      const { known } = topic;
      if (known === undefined || known === 'absent') continue;
      const incarnation = store.tables.applied.topicRow(topic.name)?.createdAt;
      for (let queueId = 0; queueId < known.queues; queueId++) {
        const queue =
          incarnation === undefined
            ? undefined
            : store.queues.find(topic.name, incarnation)?.find(queueId);
        const records = content.get(topic.name)?.get(queueId) ?? [];
        const last = records.at(-1);
        // As of the look at the log: what is held up by a full drive may be delivered meanwhile.
        const next = last === undefined ? (queue?.next ?? 0) : last.queueOffset + 1;
        this.#queue(topic, queueId, records, {
          begin: store.log.begin,
          synced: store.log.synced,
          min: queue?.min ?? 0,
          next,
        });
        if (options.overWire && !isFull) {
          await this.#queueOverWire(store, { topic, queueId, next }, records);
        }
      }
    }
    for (const message of this.#model.messages.values()) {
      // Everybody who could have brought it has died.
      if (message.state === 'perhaps' && !(isFull && isUndelivered(message)))
        message.state = 'gone';
    }
  }

  /** What was acknowledged with a delay must be where it waits, delivered or not, until it expires. */
  #waiting(content: LogContent, begin: number): void {
    for (const [queueId, records] of content.get(SCHEDULE_TOPIC) ?? []) {
      for (const record of records) {
        const at = (): string => `${SCHEDULE_TOPIC}/${queueId}: what is at ${record.queueOffset}`;
        const message = messageOf(this.#model, record.body, at);
        const { REAL_TOPIC, REAL_QID } = Object.fromEntries(record.properties);
        ensure(
          message.waiting?.level === queueId + 1 &&
            REAL_TOPIC === message.topic.name &&
            REAL_QID === String(message.queueId),
          'P4',
          () => `${at()} is message ${message.id} for ${REAL_TOPIC}/${REAL_QID}`,
        );
        const place = { offset: record.queueOffset, position: record.physicalOffset };
        this.#model.waits(message, place, 'safe');
      }
    }
    for (const { id, waiting } of this.#model.messages.values()) {
      if (waiting === undefined || waiting.state === 'gone') continue;
      const { offset, position, state } = waiting;
      const records = content.get(SCHEDULE_TOPIC)?.get(waiting.level - 1) ?? [];
      const first = records[0]?.queueOffset ?? Number.POSITIVE_INFINITY;
      const isThere = offset !== undefined && records[offset - first]?.queueOffset === offset;
      if (isThere) continue;
      ensure(
        state !== 'safe' || (position ?? 0) < begin,
        'P4',
        () => `message ${id} was acknowledged with a delay at ${offset}, ${position}, and is lost`,
      );
      waiting.state = 'gone';
    }
  }

  /**
   * Retention goes on meanwhile, so that a look may fall between the end of a segment and that of its entries; and what
   * a full drive held up is delivered.
   */
  async #readLog(local: LocalStore, options: VerificationOptions): Promise<LogContent> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await readLog(local, options);
      } catch (error) {
        const isStill = local.store.log.begin === 0 && !this.#expectsRefusals();
        const mayPass = error instanceof Violation || isFailure(error, 'unavailable', 'notFound');
        if (!mayPass || isStill || attempt === readAttempts) throw error;
      }
      await this.#client.node.clock.sleep(retentionMs);
    }
  }

  #queue(
    topic: Topic,
    queueId: number,
    records: readonly StoredMessage[],
    range: {
      readonly begin: number;
      readonly synced: number;
      readonly min: number;
      readonly next: number;
    },
  ): void {
    const name = `${topic.name}/${queueId}`;
    const { known } = topic;
    for (const record of records) {
      const at = (): string => `${name}: what is at ${record.queueOffset}`;
      const message = messageOf(this.#model, record.body, at);
      ensure(
        record.properties.has(delaySourceProperty) === (message.waiting !== undefined),
        'P4',
        () => `${at()} is message ${message.id}, which has not come by way of its delay`,
      );
      ensure(
        message.topic === topic && message.queueId === queueId,
        'P4',
        () => `${at()} is message ${message.id} of ${message.topic.name}/${message.queueId}`,
      );
      ensure(
        known !== 'absent' && message.birth === known?.birth,
        'P2',
        () => `${at()} is message ${message.id} of a topic that was deleted`,
      );
      const place = { offset: record.queueOffset, position: record.physicalOffset };
      // A delayed message may have been delivered just now.
      const isSafe = record.physicalOffset + record.size <= range.synced;
      this.#model.found(message, place, isSafe ? 'safe' : 'written');
    }
    const queue = topic.queue(queueId);
    for (const [offset, message] of queue) {
      if (offset >= range.min && offset < range.next) continue;
      const hasExpired = offset < range.min && (message.position ?? 0) < range.begin;
      ensure(
        hasExpired || message.state !== 'safe',
        'P4',
        () =>
          `message ${message.id} was acknowledged at ${name}/${offset}, position ${message.position}, and is lost: ` +
          `the queue is ${range.min}..${range.next}, the log begins at ${range.begin}`,
      );
      // A delayed one whose copy was lost comes again.
      if (!isUndelivered(message)) message.state = 'gone';
      queue.delete(offset);
    }
    const least = topic.nextAtLeast.get(queueId) ?? 0;
    ensure(
      range.next >= least,
      'P4',
      () => `the next offset of ${name} is ${range.next}, and was ${least}`,
    );
    const unsafe = records.find(({ physicalOffset, size }) => physicalOffset + size > range.synced);
    topic.nextAtLeast.set(queueId, unsafe?.queueOffset ?? range.next);
  }

  /** `records` are those of the queue, some of which may expire meanwhile. */
  async #queueOverWire(
    store: LocalStore['store'],
    {
      topic,
      queueId,
      next,
    }: { readonly topic: Topic; readonly queueId: number; readonly next: number },
    records: readonly StoredMessage[],
  ): Promise<void> {
    const where = `${topic.name}/${queueId}`;
    const first = next - records.length;
    /** The smallest offset that has not expired. */
    const firstLeft = (): number => {
      const { begin } = store.log;
      const index = records.findIndex(({ physicalOffset }) => physicalOffset >= begin);
      return index < 0 ? next : first + index;
    };
    const max = expectDone(await this.#client.maxOffset(topic.name, queueId), where);
    const min = expectDone(await this.#client.minOffset(topic.name, queueId), where);
    ensure(
      max === next && min >= first && min <= firstLeft(),
      'P4',
      () => `${where} is answered as ${min}..${max}, and is ${firstLeft()}..${next}`,
    );
    for (let offset = min; offset < max; ) {
      const pulled = expectDone(
        await this.#client.pull({
          group: toolsGroup,
          topic: topic.name,
          queueId,
          offset,
          count: pullCount,
        }),
        where,
      );
      if (pulled.state !== 'found' && offset < firstLeft()) {
        offset = firstLeft();
        continue;
      }
      ensure(
        pulled.state === 'found' && pulled.messages.length > 0,
        'P4',
        () =>
          `${where}: a pull at ${offset} of ${firstLeft()}..${max} is answered ${pulled.remark}`,
      );
      for (const message of pulled.messages) {
        const expected = records[offset - first];
        ensure(
          message.queueOffset === offset &&
            message.physicalOffset === expected?.physicalOffset &&
            Buffer.compare(message.body, expected.body) === 0,
          'P4',
          () => `${where}: a pull gives other bytes at ${offset} than the log`,
        );
        offset++;
      }
    }
  }

  async #progress(local: LocalStore): Promise<void> {
    const { appended } = local.store.tables;
    const all = [...this.#model.progress.values()].filter(
      ({ topic, group }) => topic.known !== 'absent' && group.known !== 'absent',
    );
    const answers = await Promise.all(
      all.map(({ group, topic, queueId }) =>
        this.#client.queryOffset(group.name, topic.name, queueId),
      ),
    );
    all.forEach((progress, index) => {
      const answer = answers[index];
      if (answer === undefined) return;
      const offset = expectDone(answer, `offset of ${progress.name}`);
      const possible = progress.offset.now();
      ensure(
        possible.includes(offset),
        'P5',
        () => `offset of ${progress.name} is ${offset}, expected ${possible}`,
      );
      progress.offset.settle([offset]);
      const { group, topic, queueId } = progress;
      const reset = appended.reset(group.name, topic.name, queueId);
      ensure(
        progress.reset.now().includes(reset),
        'P1',
        () => `reset of ${progress.name} is ${reset}, expected ${progress.reset.now()}`,
      );
      progress.reset.settle([reset]);
    });
  }
}

/** Its copy has not been seen, or may have been lost, and may still come. */
function isUndelivered({ state, waiting }: SentMessage): boolean {
  return waiting !== undefined && waiting.state !== 'gone' && state === 'perhaps';
}

/** The node died, so that there was no answer. */
export class NoAnswer extends Error {}

function expectDone<T>(outcome: Outcome<T>, what: string): T {
  switch (outcome.type) {
    case 'done':
      return outcome.value;
    case 'refused':
      throw new Violation('P5', `${what}: refused, ${outcome.code} ${outcome.remark}`);
    case 'unknown':
      throw new NoAnswer(`${what}: ${outcome.why}`);
  }
}
