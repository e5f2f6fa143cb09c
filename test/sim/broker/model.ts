import { Register } from './register.ts';
import { ensure, Violation } from './violation.ts';

/** Where a delayed message waits; the states are those of `SentMessage`. */
export interface Waiting {
  readonly level: number;
  state: SentMessage['state'];
  offset: number | undefined;
  position: number | undefined;
}

/** A message that a client sent, whatever became of it. Of a delayed one, state and place are those of its delivered copy. */
export interface SentMessage {
  readonly id: number;
  readonly topic: Topic;
  /** Of the topic that it was sent to: see `Topic.birth`. */
  readonly birth: number;
  readonly queueId: number;
  readonly length: number;
  /**
   * `safe`: survives any crash. `written`: survives a crash of the process, and a power loss once the log is synced up
   * to `end`. `perhaps`: sent, or left over by a crash, and nobody knows whether it is there. `gone`: refused, lost
   * where that was allowed, or expired; it must not come back.
   */
  state: 'safe' | 'written' | 'perhaps' | 'gone';
  /** Known once it was acknowledged or seen. */
  offset: number | undefined;
  position: number | undefined;
  readonly waiting: Waiting | undefined;
}

/** What a topic may be: its configuration as text and its birth; undefined is no topic. */
export interface TopicValue {
  readonly text: string;
  readonly queues: number;
  readonly attributes: ReadonlyMap<string, string>;
  /** Which create made it; counted over the whole run. */
  readonly birth: number;
}

export interface GroupValue {
  readonly text: string;
  readonly attributes: ReadonlyMap<string, string>;
}

export class Topic {
  readonly name: string;
  readonly value = new Register<TopicValue | undefined>(undefined);
  /** Of the present birth, by queue and offset: what was acknowledged or seen. */
  readonly queues = new Map<number, Map<number, SentMessage>>();
  /** Of each queue of the present birth: its next offset is at least that. */
  readonly nextAtLeast = new Map<number, number>();

  constructor(name: string) {
    this.name = name;
  }

  /** Undefined while nobody knows whether there is one, or which. */
  get known(): TopicValue | 'absent' | undefined {
    const [first, ...others] = this.value.now();
    if (first === undefined) return others.length === 0 ? 'absent' : undefined;
    return others.every((other) => other?.birth === first.birth) ? first : undefined;
  }

  queue(queueId: number): Map<number, SentMessage> {
    let queue = this.queues.get(queueId);
    if (queue === undefined) {
      queue = new Map();
      this.queues.set(queueId, queue);
    }
    return queue;
  }

  /** The topic was deleted, and its messages with it. */
  forgetMessages(): void {
    for (const queue of this.queues.values()) {
      for (const message of queue.values()) message.state = 'gone';
    }
    this.queues.clear();
    this.nextAtLeast.clear();
  }
}

export class Group {
  readonly name: string;
  readonly value = new Register<GroupValue | undefined>(undefined);

  constructor(name: string) {
    this.name = name;
  }

  get known(): GroupValue | 'absent' | undefined {
    const [first, ...others] = this.value.now();
    if (first === undefined) return others.length === 0 ? 'absent' : undefined;
    return others.every((other) => other !== undefined) ? first : undefined;
  }
}

/** The offset of a group in a queue, and the reset that its consumer has not seen. */
export class Progress {
  readonly group: Group;
  readonly topic: Topic;
  readonly queueId: number;
  readonly offset = new Register<number | undefined>(undefined);
  readonly reset = new Register<number | undefined>(undefined);

  constructor(group: Group, topic: Topic, queueId: number) {
    this.group = group;
    this.topic = topic;
    this.queueId = queueId;
  }

  forget(end: number): void {
    this.offset.changed(() => undefined, end);
    this.reset.changed(() => undefined, end);
  }

  perhapsForget(): void {
    this.offset.perhapsChanged(() => undefined);
    this.reset.perhapsChanged(() => undefined);
  }

  get name(): string {
    return `${this.group.name} ${this.topic.name} ${this.queueId}`;
  }
}

/** All that clients know of one broker: what was promised to them, and what may be. */
export class Model {
  readonly topics = new Map<string, Topic>();
  readonly groups = new Map<string, Group>();
  readonly progress = new Map<string, Progress>();
  readonly messages = new Map<number, SentMessage>();
  /** Topics that a broker may have made by itself for what was asked of it. */
  readonly implied = new Set<string>();
  #births = 0;
  #ids = 0;

  topic(name: string): Topic {
    return getOrMake(this.topics, name, () => new Topic(name));
  }

  group(name: string): Group {
    return getOrMake(this.groups, name, () => new Group(name));
  }

  progressOf(group: Group, topic: Topic, queueId: number): Progress {
    const key = `${group.name} ${topic.name} ${queueId}`;
    return getOrMake(this.progress, key, () => new Progress(group, topic, queueId));
  }

  nextBirth(): number {
    return ++this.#births;
  }

  /** A new message, about to be sent. */
  send(topic: Topic, birth: number, queueId: number, length: number, level?: number): SentMessage {
    const message: SentMessage = {
      id: ++this.#ids,
      topic,
      birth,
      queueId,
      length,
      state: 'perhaps',
      offset: undefined,
      position: undefined,
      waiting:
        level === undefined
          ? undefined
          : { level, state: 'perhaps', offset: undefined, position: undefined },
    };
    this.messages.set(message.id, message);
    return message;
  }

  /**
   * A message was acknowledged or seen at this place. It survives a crash of the process, and a power loss as far as
   * `state` says.
   */
  found(
    message: SentMessage,
    place: { readonly offset: number; readonly position: number },
    state: 'safe' | 'written',
  ): void {
    const { topic, queueId } = message;
    const what = `message ${message.id} in ${topic.name}/${queueId}`;
    ensure(
      message.state !== 'gone',
      'P2',
      () => `${what} was refused, lost, deleted or expired, and is there at ${place.offset}`,
    );
    this.#forgetLostCopies(message, place.offset);
    const { offset } = message;
    ensure(
      offset === undefined || offset === place.offset,
      'P4',
      () => `${what} has been at ${offset}, and is at ${place.offset} now`,
    );
    const other = topic.queue(queueId).get(place.offset);
    ensure(
      other === undefined || other === message,
      'P4',
      () => `${what} is at ${place.offset}, where message ${other?.id} was`,
    );
    topic.queue(queueId).set(place.offset, message);
    message.offset = place.offset;
    message.position = place.position;
    if (state === 'safe' || message.state === 'perhaps') message.state = state;
    if (message.state === 'safe') this.#raiseNext(topic, queueId, place.offset + 1);
  }

  /** A delayed message was acknowledged, or seen where it waits; `state` as of `found`. */
  waits(
    message: SentMessage,
    place: { readonly offset: number; readonly position: number },
    state: 'safe' | 'written',
  ): void {
    const { waiting } = message;
    ensure(waiting !== undefined, 'P4', () => `message ${message.id} waits without a delay`);
    const what = `message ${message.id} of level ${waiting.level}`;
    ensure(
      waiting.state !== 'gone',
      'P2',
      () => `${what} was refused or lost, and waits at ${place.offset}`,
    );
    const { offset } = waiting;
    ensure(
      offset === undefined || offset === place.offset,
      'P4',
      () => `${what} has waited at ${offset}, and does so at ${place.offset} now`,
    );
    waiting.offset = place.offset;
    waiting.position = place.position;
    if (state === 'safe' || waiting.state === 'perhaps') waiting.state = state;
  }

  /** What a crash may have taken leaves its place to others; a delayed message then comes again. */
  #forgetLostCopies(message: SentMessage, offset: number): void {
    const queue = message.topic.queue(message.queueId);
    const other = queue.get(offset);
    for (const lost of [message, other]) {
      if (lost === undefined || lost.state !== 'perhaps') continue;
      if (lost.offset === undefined || (lost === message && lost.offset === offset)) continue;
      if (lost.waiting === undefined) {
        if (lost !== message) lost.state = 'gone';
        continue;
      }
      if (queue.get(lost.offset) === lost) queue.delete(lost.offset);
      lost.offset = undefined;
      lost.position = undefined;
    }
    if (other?.state === 'gone') queue.delete(offset);
  }

  #raiseNext(topic: Topic, queueId: number, next: number): void {
    topic.nextAtLeast.set(queueId, Math.max(next, topic.nextAtLeast.get(queueId) ?? 0));
  }

  /** The process is dead. `survives`: the log is sure to be there up to this position. */
  crashed(survives: number): void {
    for (const topic of this.topics.values()) {
      topic.value.crashed(survives);
      for (const [queueId, queue] of topic.queues) {
        for (const message of queue.values()) {
          if (message.state !== 'written') continue;
          // A record that begins below a record border ends at or below it.
          const isSafe = (message.position ?? Number.POSITIVE_INFINITY) < survives;
          message.state = isSafe ? 'safe' : 'perhaps';
          if (isSafe) this.#raiseNext(topic, queueId, (message.offset ?? 0) + 1);
        }
      }
    }
    for (const { waiting } of this.messages.values()) {
      if (waiting?.state !== 'written') continue;
      const isSafe = (waiting.position ?? Number.POSITIVE_INFINITY) < survives;
      waiting.state = isSafe ? 'safe' : 'perhaps';
    }
    for (const group of this.groups.values()) group.value.crashed(survives);
    for (const progress of this.progress.values()) {
      progress.offset.crashed(survives);
      progress.reset.crashed(survives);
    }
  }
}

/** The body of a message follows from its number and length. */
export function bodyOf(id: number, length: number): Uint8Array {
  const body = new Uint8Array(length);
  const text = `${id};`;
  for (let index = 0; index < length; index++) {
    body[index] = index < text.length ? text.charCodeAt(index) : (id * 31 + index * 7) & 0xff;
  }
  return body;
}

/** Which message this is. Fails when nobody sent such a body. */
export function messageOf(model: Model, body: Uint8Array, where: () => string): SentMessage {
  const text = Buffer.from(body.subarray(0, 12)).toString('latin1');
  const id = Number.parseInt(text, 10);
  const message = model.messages.get(id);
  if (message === undefined) throw new Violation('P3', `${where()} is a message nobody sent`);
  const sent = bodyOf(id, message.length);
  ensure(Buffer.compare(body, sent) === 0, 'P4', () => `${where()}: message ${id} has other bytes`);
  return message;
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
