import type { StoredMessage } from '../../../src/wire/index.ts';
import type { ActorContext } from './actor-context.ts';
import { autoCreatedTopic } from './configs.ts';
import { bodyOf, messageOf, type Progress, type SentMessage, type Topic } from './model.ts';
import { delayLevelsMs } from './options.ts';
import { ensure } from './violation.ts';
import type { Outcome, Pulled, Sent } from './wire-client.ts';

/** Sends, pulls and other looks at messages. Each returns false when there was nothing to act on. */
export class MessageActions {
  readonly #context: ActorContext;

  constructor(context: ActorContext) {
    this.#context = context;
  }

  // Sending.

  async send(how: 'send' | 'sendBatch' | 'sendOneway' | 'sendDelayed'): Promise<boolean> {
    const topic = this.#context.anyTopic();
    const { known } = topic;
    if (known === undefined) return false;
    const creates = known === 'absent';
    const lock = creates ? { alone: [topic.name] } : { shared: [topic.name] };
    return await this.#context.locks.with(lock, async () => {
      const wanted = 1 + this.#context.random.below(4);
      const queues = creates ? Math.min(wanted, this.#context.options.defaultQueues) : known.queues;
      const birth = creates ? this.#context.model.nextBirth() : known.birth;
      const queueId = this.#context.random.below(queues);
      const count = how === 'sendBatch' ? 1 + this.#context.random.below(5) : 1;
      const level =
        how === 'sendDelayed' ? 1 + this.#context.random.below(delayLevelsMs.length) : undefined;
      const messages = Array.from({ length: count }, () =>
        this.#context.model.send(topic, birth, queueId, this.#bodyLength(count), level),
      );
      const bodies = messages.map(({ id, length }) => bodyOf(id, length));
      const made =
        creates && this.#context.options.autoCreateTopics
          ? autoCreatedTopic(topic.name, queues, birth)
          : undefined;
      const properties = new Map([
        ['KEYS', `key${messages[0]?.id}`],
        ...(this.#context.random.chance(0.5) ? ([['TAGS', 'red']] as const) : []),
        ...(level === undefined ? [] : ([['DELAY', String(level)]] as const)),
      ]);
      const options = { topic: topic.name, queueId, queues: wanted, properties };
      const [body] = bodies;
      if (body === undefined) return;
      if (how === 'sendOneway') {
        await this.#context.client.sendOneway(options, body);
        if (made !== undefined) topic.value.perhapsChanged((before) => before ?? made);
        return;
      }
      const sent =
        how === 'sendBatch'
          ? this.#context.client.sendBatch(options, bodies)
          : this.#context.client.send(options, body);
      this.#sent(await sent, { topic, messages, created: made });
    });
  }

  #sent(
    outcome: Outcome<Sent>,
    {
      topic,
      messages,
      created,
    }: {
      readonly topic: Topic;
      readonly messages: readonly SentMessage[];
      readonly created: ReturnType<typeof autoCreatedTopic> | undefined;
    },
  ): void {
    const where = `send to ${topic.name}/${messages[0]?.queueId}`;
    switch (outcome.type) {
      case 'unknown':
        if (created !== undefined) topic.value.perhapsChanged((before) => before ?? created);
        return;
      case 'refused':
        this.#context.refused(where, outcome, topic.known !== 'absent');
        for (const message of messages) {
          message.state = 'gone';
          if (message.waiting !== undefined) message.waiting.state = 'gone';
        }
        // The topic may have been made before the message was refused.
        if (created !== undefined) topic.value.perhapsChanged((before) => before ?? created);
        return;
      case 'done': {
        const { queueId, queueOffset, positions, isLate } = outcome.value;
        const isSafe = this.#context.options.syncFlush && !isLate;
        ensure(
          queueId === messages[0]?.queueId && positions.length === messages.length,
          'P4',
          () => `${where}: answered queue ${queueId} and ${positions.length} positions`,
        );
        if (created !== undefined) {
          topic.value.changed(
            (before) => before ?? created,
            isSafe ? 0 : this.#context.insight.logEnd(),
          );
        }
        const [first] = messages;
        if (first?.waiting !== undefined) {
          const place = { offset: queueOffset, position: positions[0] ?? 0 };
          this.#context.model.waits(first, place, isSafe ? 'safe' : 'written');
          return;
        }
        const least = topic.nextAtLeast.get(queueId) ?? 0;
        ensure(
          queueOffset >= least,
          'P4',
          () => `${where}: answered offset ${queueOffset}, and ${least - 1} was given before`,
        );
        messages.forEach((message, index) => {
          const place = { offset: queueOffset + index, position: positions[index] ?? 0 };
          this.#context.model.found(message, place, isSafe ? 'safe' : 'written');
        });
      }
    }
  }

  #bodyLength(count: number): number {
    const most = Math.floor(this.#context.options.maxBodyBytes / count);
    return this.#context.random.chance(0.7)
      ? 12 + this.#context.random.below(100)
      : 12 + this.#context.random.below(most);
  }

  // Reading.

  async pull(suspendMs: number): Promise<boolean> {
    const progress = this.#context.anyProgress();
    if (progress === undefined) return false;
    const { group, topic, queueId } = progress;
    const isNewGroup = group.known === 'absent';
    const lock = {
      shared: isNewGroup ? [topic.name] : [topic.name, group.name],
      alone: isNewGroup ? [group.name, progress.name] : [progress.name],
    };
    return await this.#context.locks.with(lock, async () => {
      const offset = this.#somewhere(topic, queueId);
      const commit = this.#context.random.chance(0.2)
        ? this.#context.committable(progress)
        : undefined;
      const outcome = await this.#context.client.pull({
        group: group.name,
        topic: topic.name,
        queueId,
        offset,
        count: 1 + this.#context.random.below(16),
        suspendMs,
        ...(commit === undefined ? {} : { commit }),
      });
      if (commit !== undefined) progress.offset.perhapsChanged(() => commit);
      const where = `pull from ${topic.name}/${queueId} at ${offset}`;
      if (isNewGroup) this.#context.impliedGroup(group, outcome);
      if (outcome.type !== 'done') {
        if (outcome.type === 'refused') this.#context.refused(where, outcome, !isNewGroup);
        progress.reset.perhapsChanged(() => undefined);
        return;
      }
      this.#sawReset(progress, outcome.value, where);
      if (outcome.value.state === 'found') {
        this.#sawMessages(topic, queueId, offset, outcome.value.messages, where);
      }
    });
  }

  /** A pending reset is told by the next pull, and only then are commits recorded again. */
  #sawReset(progress: Progress, pulled: Pulled, where: string): void {
    const resets = progress.reset.now();
    if (pulled.state === 'moved' && pulled.remark === 'OFFSET_RESET') {
      ensure(
        resets.includes(pulled.next),
        'P1',
        () => `${where}: told a reset to ${pulled.next}, and there was ${resets}`,
      );
      const { next } = pulled;
      progress.offset.changed(() => next, this.#context.insight.logEnd());
      if (this.#context.insight.expectsRefusals()) progress.reset.perhapsChanged(() => undefined);
      else progress.reset.changed(() => undefined, this.#context.insight.logEnd());
    } else {
      ensure(
        resets.includes(undefined),
        'P1',
        () => `${where}: the reset to ${resets} is not told`,
      );
    }
  }

  #sawMessages(
    topic: Topic,
    queueId: number,
    from: number,
    records: readonly StoredMessage[],
    where: string,
  ): void {
    ensure(records.length > 0, 'P4', () => `${where}: found nothing`);
    records.forEach((record, index) => {
      ensure(
        record.queueOffset === from + index && record.queueId === queueId,
        'P4',
        () => `${where}: record ${index} states ${record.queueId}/${record.queueOffset}`,
      );
      this.#sawMessage(topic, record, where);
    });
  }

  #sawMessage(topic: Topic, record: StoredMessage, where: string): void {
    const at = (): string => `${where}: what is at ${record.queueOffset}`;
    const message = messageOf(this.#context.model, record.body, at);
    const { known } = topic;
    ensure(
      record.topic === topic.name && message.topic === topic && message.queueId === record.queueId,
      'P4',
      () => `${at()} is message ${message.id} of ${message.topic.name}/${message.queueId}`,
    );
    ensure(
      known === undefined || known === 'absent' || known.birth === message.birth,
      'P2',
      () => `${at()} is message ${message.id} of a topic that was deleted`,
    );
    const place = { offset: record.queueOffset, position: record.physicalOffset };
    this.#context.model.found(message, place, 'written');
  }

  async view(): Promise<boolean> {
    const topic = this.#context.anyTopic();
    const message = this.#acknowledged(topic);
    if (message?.position === undefined) return false;
    return await this.#context.locks.with({ shared: [topic.name] }, async () => {
      const outcome = await this.#context.client.view(topic.name, message.position ?? 0);
      if (outcome.type !== 'done') return; // It may have expired.
      for (const record of outcome.value) this.#sawMessage(topic, record, 'view');
    });
  }

  async queryKey(): Promise<boolean> {
    const topic = this.#context.anyTopic();
    const message = this.#acknowledged(topic);
    if (message === undefined) return false;
    return await this.#context.locks.with({ shared: [topic.name] }, async () => {
      const outcome = await this.#context.client.query(topic.name, `key${message.id}`);
      if (outcome.type !== 'done') return;
      for (const record of outcome.value) this.#sawMessage(topic, record, 'query');
    });
  }

  #acknowledged(topic: Topic): SentMessage | undefined {
    const queue = topic.queues.get(this.#context.random.below(4));
    if (queue === undefined || queue.size === 0) return undefined;
    return [...queue.values()][this.#context.random.below(queue.size)];
  }

  #somewhere(topic: Topic, queueId: number): number {
    const offsets = [...(topic.queues.get(queueId)?.keys() ?? [])];
    if (offsets.length === 0 || this.#context.random.chance(0.1))
      return this.#context.random.below(3);
    const first = Math.min(...offsets);
    return first + this.#context.random.below(Math.max(...offsets) - first + 2);
  }
}
