import { ResponseCode } from '../../../src/wire/index.ts';
import type { SimRandom } from '../ports/index.ts';
import { autoCreatedGroup } from './configs.ts';
import { Locks } from './locks.ts';
import type { Group, Model, Progress, Topic } from './model.ts';
import { ensure, Violation } from './violation.ts';
import type { Outcome, WireClient } from './wire-client.ts';

export interface ActorOptions {
  readonly name: string;
  readonly syncFlush: boolean;
  readonly autoCreateTopics: boolean;
  /** Queues of a topic that a send makes, at most. */
  readonly defaultQueues: number;
  readonly maxBodyBytes: number;
}

/** What an actor may ask about the broker besides its clients' requests. */
export interface Insight {
  /** End of its log. */
  logEnd(): number;
  /** How far its tables are applied. */
  applied(): number;
  /** Its drive is full, or was until just now. */
  expectsRefusals(): boolean;
}

const topicsPerActor = 3;
const groupsPerActor = 2;

/** What all actions of one actor share, and how they choose what to act on. */
export class ActorContext {
  readonly options: ActorOptions;
  readonly model: Model;
  readonly client: WireClient;
  readonly random: SimRandom;
  readonly insight: Insight;
  readonly locks = new Locks();
  /** The topic that gets most of the attention for a while, so that all messages of others may expire. */
  #favourite = 0;

  constructor(
    options: ActorOptions,
    parts: {
      readonly model: Model;
      readonly client: WireClient;
      readonly random: SimRandom;
      readonly insight: Insight;
    },
  ) {
    this.options = options;
    this.model = parts.model;
    this.client = parts.client;
    this.random = parts.random;
    this.insight = parts.insight;
  }

  anyTopic(): Topic {
    if (this.random.chance(0.02)) this.#favourite = this.random.below(topicsPerActor);
    const index = this.random.chance(0.7) ? this.#favourite : this.random.below(topicsPerActor);
    return this.model.topic(`${this.options.name}-t${index}`);
  }

  anyGroup(): Group {
    return this.model.group(`${this.options.name}-g${this.random.below(groupsPerActor)}`);
  }

  /** Of an existing topic; undefined when there is none at hand. */
  anyProgress(): Progress | undefined {
    const topic = this.anyTopic();
    const group = this.anyGroup();
    const { known } = topic;
    if (known === undefined || known === 'absent' || group.known === undefined) return undefined;
    return this.model.progressOf(group, topic, this.random.below(known.queues));
  }

  /** A refusal must not deny what is there, nor be for want of room when there is some. */
  refused(
    what: string,
    { code, remark }: { readonly code: number; readonly remark: string },
    exists: boolean,
  ): void {
    ensure(
      this.insight.expectsRefusals() || !/full|no space/.test(remark),
      'P9',
      () => `${what}: there is room, and it is refused: ${code} ${remark}`,
    );
    if (!exists) return;
    const denies =
      code === ResponseCode.TOPIC_NOT_EXIST ||
      code === ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST ||
      /nonexistent|not exist/.test(remark);
    if (denies) throw new Violation('P5', `${what}: ${code} ${remark}`);
  }
  /** A place that a consumer may have come to. */
  committable({ topic, queueId }: Progress): number {
    let next = topic.nextAtLeast.get(queueId) ?? 0;
    for (const { offset } of topic.queues.get(queueId)?.values() ?? []) {
      next = Math.max(next, (offset ?? 0) + 1);
    }
    return this.random.chance(0.8) ? next : this.random.below(next + 1);
  }

  /** A group that comes with its first use; its record is not waited for. */
  impliedGroup(group: Group, outcome: Outcome<unknown>): void {
    const made = autoCreatedGroup(group.name);
    if (outcome.type === 'done' && !this.insight.expectsRefusals()) {
      group.value.changed((value) => value ?? made, this.insight.logEnd());
    } else {
      group.value.perhapsChanged((value) => value ?? made);
    }
  }
}
