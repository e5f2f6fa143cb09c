import { SubscriptionGroupConfig, type TopicConfig } from '../../../src/wire/index.ts';
import type { ActorContext } from './actor-context.ts';
import { alteredGroup, alteredTopic, textOf, topicDefaults } from './configs.ts';
import type { Progress } from './model.ts';
import { ensure } from './violation.ts';

/** Topics and groups: created, changed, deleted, read. Each returns false when there was nothing to act on. */
export class DefinitionActions {
  readonly #context: ActorContext;

  constructor(context: ActorContext) {
    this.#context = context;
  }

  async createTopic(): Promise<boolean> {
    const topic = this.#context.anyTopic();
    return await this.#context.locks.with({ alone: [topic.name] }, async () => {
      const { known } = topic;
      if (known === undefined) return;
      const before = known === 'absent' ? undefined : known;
      const queues = Math.min(4, (before?.queues ?? 1) + this.#context.random.below(3));
      const birth = this.#context.model.nextBirth();
      const config: TopicConfig = {
        ...topicDefaults,
        topicName: topic.name,
        readQueueNums: queues,
        writeQueueNums: queues,
        perm: this.#context.random.chance(0.8) ? 6 : 7,
        order: this.#context.random.chance(0.3),
        attributes: this.#attributes(before?.attributes, topicAttributeChoices),
      };
      const outcome = await this.#context.client.createTopic(config);
      const change = (value: Parameters<typeof alteredTopic>[0]) =>
        alteredTopic(value, config, birth);
      switch (outcome.type) {
        case 'done':
          topic.value.changed(change, 0);
          return;
        case 'unknown':
          topic.value.perhapsChanged(change);
          return;
        case 'refused':
          this.#context.refused(
            `create topic ${topic.name}`,
            outcome,
            topic.value.now().length === 1,
          );
      }
    });
  }

  async deleteTopic(): Promise<boolean> {
    const topic = this.#context.anyTopic();
    return await this.#context.locks.with({ alone: [topic.name] }, async () => {
      if (topic.known === undefined) return;
      const outcome = await this.#context.client.deleteTopic(topic.name);
      const touched = this.#progressOf((progress) => progress.topic === topic);
      switch (outcome.type) {
        case 'done':
          topic.value.changed(() => undefined, 0);
          topic.forgetMessages();
          for (const message of this.#context.model.messages.values()) {
            if (message.topic === topic) message.state = 'gone';
          }
          for (const progress of touched) progress.forget(0);
          return;
        case 'unknown':
          topic.value.perhapsChanged(() => undefined);
          for (const progress of touched) progress.perhapsForget();
          return;
        case 'refused':
          this.#context.refused(`delete topic ${topic.name}`, outcome, true);
      }
    });
  }

  async createGroup(): Promise<boolean> {
    const group = this.#context.anyGroup();
    return await this.#context.locks.with({ alone: [group.name] }, async () => {
      const { known } = group;
      if (known === undefined) return;
      const before = known === 'absent' ? undefined : known.attributes;
      const config: SubscriptionGroupConfig = {
        ...SubscriptionGroupConfig.decode(JSON.stringify({ groupName: group.name })),
        consumeBroadcastEnable: this.#context.random.chance(0.5),
        consumeMessageOrderly: this.#context.random.chance(0.5),
        retryMaxTimes: this.#context.random.below(20),
        retryQueueNums: 1 + this.#context.random.below(3),
        attributes: this.#attributes(before, groupAttributeChoices),
      };
      const outcome = await this.#context.client.createGroup(config);
      const change = (value: Parameters<typeof alteredGroup>[0]) => alteredGroup(value, config);
      switch (outcome.type) {
        case 'done':
          group.value.changed(change, 0);
          return;
        case 'unknown':
          group.value.perhapsChanged(change);
          return;
        case 'refused':
          this.#context.refused(
            `create group ${group.name}`,
            outcome,
            group.value.now().length === 1,
          );
      }
    });
  }

  async deleteGroup(): Promise<boolean> {
    const group = this.#context.anyGroup();
    return await this.#context.locks.with({ alone: [group.name] }, async () => {
      if (group.known === undefined) return;
      const outcome = await this.#context.client.deleteGroup(group.name);
      const touched = this.#progressOf((progress) => progress.group === group);
      switch (outcome.type) {
        case 'done':
          group.value.changed(() => undefined, 0);
          for (const progress of touched) progress.forget(0);
          return;
        case 'unknown':
          group.value.perhapsChanged(() => undefined);
          for (const progress of touched) progress.perhapsForget();
          return;
        case 'refused':
          this.#context.refused(`delete group ${group.name}`, outcome, true);
      }
    });
  }

  async readTopic(): Promise<boolean> {
    const topic = this.#context.anyTopic();
    return await this.#context.locks.with({ alone: [topic.name] }, async () => {
      const applied = this.#context.insight.applied();
      const outcome = await this.#context.client.topic(topic.name);
      if (outcome.type !== 'done') return;
      const found = outcome.value && textOf(outcome.value);
      const possible = topic.value.upTo(applied).map((value) => value?.text);
      ensure(possible.includes(found), 'P1', () => `${topic.name} is ${found}, not ${possible}`);
    });
  }

  async readGroup(): Promise<boolean> {
    const group = this.#context.anyGroup();
    return await this.#context.locks.with({ alone: [group.name] }, async () => {
      const applied = this.#context.insight.applied();
      const outcome = await this.#context.client.group(group.name);
      if (outcome.type !== 'done') return;
      const found = outcome.value && textOf(outcome.value);
      const possible = group.value.upTo(applied).map((value) => value?.text);
      ensure(possible.includes(found), 'P1', () => `${group.name} is ${found}, not ${possible}`);
    });
  }

  #attributes(
    before: ReadonlyMap<string, string> | undefined,
    choices: Readonly<Record<string, readonly string[]>>,
  ): ReadonlyMap<string, string> {
    const changes = new Map<string, string>();
    for (const [key, values] of Object.entries(choices)) {
      if (this.#context.random.chance(0.6)) continue;
      if (before?.has(key) && this.#context.random.chance(0.5)) changes.set(`-${key}`, '');
      else changes.set(`+${key}`, values[this.#context.random.below(values.length)] ?? '');
    }
    return changes;
  }

  #progressOf(applies: (progress: Progress) => boolean): readonly Progress[] {
    return [...this.#context.model.progress.values()].filter(applies);
  }

  /** There is room on the drive: nothing may be refused for want of it. */
  async mustBeAccepted(): Promise<void> {
    const topic = this.#context.model.topic(`${this.#context.options.name}-room`);
    const birth = this.#context.model.nextBirth();
    const config = { ...topicDefaults, topicName: topic.name, readQueueNums: 1, writeQueueNums: 1 };
    const outcome = await this.#context.client.createTopic(config);
    const change = (value: Parameters<typeof alteredTopic>[0]) =>
      alteredTopic(value, config, birth);
    if (outcome.type === 'done') topic.value.changed(change, 0);
    else topic.value.perhapsChanged(change);
    ensure(
      outcome.type !== 'refused',
      'P9',
      () => `there has been room for a while, and a topic is refused: ${JSON.stringify(outcome)}`,
    );
  }
}

const topicAttributeChoices = {
  'message.type': ['NORMAL', 'FIFO', 'DELAY'],
  'reserve.time': ['1000', '60000'],
} as const;
const groupAttributeChoices = {
  'priority.factor': ['0', '50', '100'],
  'lite.sub.model': ['Shared', 'Exclusive'],
} as const;
