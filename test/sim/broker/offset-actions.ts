import type { ActorContext } from './actor-context.ts';
import { ensure } from './violation.ts';

/** Commits, queries and resets of consumer offsets. Each returns false when there was nothing to act on. */
export class OffsetActions {
  readonly #context: ActorContext;

  constructor(context: ActorContext) {
    this.#context = context;
  }

  async commit(oneway: boolean): Promise<boolean> {
    const progress = this.#context.anyProgress();
    if (progress === undefined || progress.group.known === 'absent') return false;
    const { group, topic, queueId } = progress;
    const lock = { shared: [topic.name, group.name], alone: [progress.name] };
    return await this.#context.locks.with(lock, async () => {
      const offset = this.#context.committable(progress);
      if (oneway) {
        await this.#context.client.commitOffsetOneway(group.name, topic.name, queueId, offset);
        progress.offset.perhapsChanged(() => offset);
        return;
      }
      const outcome = await this.#context.client.commitOffset(
        group.name,
        topic.name,
        queueId,
        offset,
      );
      // A commit before the consumer has seen a reset is not recorded.
      const isRecorded = progress.reset.now().every((reset) => reset === undefined);
      if (outcome.type === 'done' && isRecorded) {
        progress.offset.changed(() => offset, this.#context.insight.logEnd());
      } else {
        progress.offset.perhapsChanged(() => offset);
      }
      if (outcome.type === 'refused')
        this.#context.refused(`commit of ${progress.name}`, outcome, true);
    });
  }

  async queryOffset(): Promise<boolean> {
    const progress = this.#context.anyProgress();
    if (progress === undefined || progress.group.known === 'absent') return false;
    const { group, topic, queueId } = progress;
    const lock = { shared: [topic.name, group.name], alone: [progress.name] };
    return await this.#context.locks.with(lock, async () => {
      const outcome = await this.#context.client.queryOffset(group.name, topic.name, queueId);
      if (outcome.type === 'refused')
        this.#context.refused(`query of ${progress.name}`, outcome, true);
      if (outcome.type !== 'done') return;
      const { value } = outcome;
      const possible = progress.offset.now();
      ensure(
        possible.includes(value),
        'P5',
        () => `offset of ${progress.name} is answered as ${value}, and it is ${possible}`,
      );
      progress.offset.changed(() => value, this.#context.insight.logEnd());
    });
  }

  async resetOffset(): Promise<boolean> {
    const progress = this.#context.anyProgress();
    if (progress === undefined || progress.group.known === 'absent') return false;
    const { group, topic, queueId } = progress;
    const lock = { shared: [topic.name, group.name], alone: [progress.name] };
    return await this.#context.locks.with(lock, async () => {
      const offset = this.#context.committable(progress);
      const outcome = await this.#context.client.resetOffset(
        group.name,
        topic.name,
        queueId,
        offset,
      );
      switch (outcome.type) {
        case 'done':
          progress.offset.changed(() => offset, 0);
          progress.reset.changed(() => offset, 0);
          return;
        case 'unknown':
          progress.offset.perhapsChanged(() => offset);
          progress.reset.perhapsChanged(() => offset);
          return;
        case 'refused':
          this.#context.refused(`reset of ${progress.name}`, outcome, true);
      }
    });
  }

  async heartbeat(): Promise<boolean> {
    const progress = this.#context.anyProgress();
    if (progress === undefined) return false;
    const { group, topic } = progress;
    const isNewGroup = group.known === 'absent';
    const lock = isNewGroup ? { alone: [group.name] } : { shared: [group.name] };
    return await this.#context.locks.with(lock, async () => {
      this.#context.model.implied.add(`%RETRY%${group.name}`);
      const outcome = await this.#context.client.heartbeat(group.name, topic.name);
      if (isNewGroup) this.#context.impliedGroup(group, outcome);
      if (outcome.type === 'refused') this.#context.refused('heartbeat', outcome, !isNewGroup);
    });
  }
}
