import { isFailure } from '../../base/index.ts';
import type { Answer } from '../../remoting/index.ts';
import {
  cloneOffsets,
  type MetadataReader,
  type MetadataSettings,
} from '../../views/metadata/index.ts';
import { CloneGroupOffset, type IncomingCommand, ResponseCode } from '../../wire/index.ts';
import type { MetadataWriter } from '../metadata-writer.ts';
import type { OffsetCommits } from '../offset-commits.ts';
import { refusalOf } from '../refusals.ts';
import type { Consumers } from '../sessions/consumers.ts';

interface UpkeepParts {
  readonly writer: MetadataWriter;
  readonly commits: OffsetCommits;
  readonly consumers: Consumers;
  readonly settings: MetadataSettings;
  /** Deletes the segments that are too old, at any hour; resolves when they are gone or must stay. */
  readonly deleteExpired: () => Promise<void>;
}

const done: Answer = { code: ResponseCode.SUCCESS };

/**
 * What operators ask for now and then: CLEAN_EXPIRED_CONSUMEQUEUE (306), CLEAN_UNUSED_TOPIC (316),
 * DELETE_EXPIRED_COMMITLOG (329), CLONE_GROUP_OFFSET (314).
 */
export class Upkeep {
  readonly #parts: UpkeepParts;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /** Queue entries go with the segments that they point to; nothing else of a queue expires. */
  async deleteExpired(): Promise<Answer> {
    await this.#parts.deleteExpired();
    return done;
  }

  /** Queues go with their topic, so that there are none of topics that do not exist. */
  cleanUnusedTopics(): Answer {
    return done;
  }

  async cloneOffsets(request: IncomingCommand): Promise<Answer> {
    const { srcGroup, destGroup, topic, offline } = CloneGroupOffset.decode(request);
    const { writer, commits, settings } = this.#parts;
    try {
      // Offsets of the source that wait to be written belong to what is copied.
      commits.appendAll();
      const outcome = await writer.define(
        `CLONE_GROUP_OFFSET ${srcGroup} ${destGroup} ${topic ?? ''}`,
        (state) => {
          commits.forget((commit) => commit.group === destGroup);
          const topics = isBlank(topic) ? topicsOf(state, srcGroup) : [topic ?? ''];
          return cloneOffsets(
            state,
            {
              from: srcGroup,
              to: destGroup,
              topics: topics.filter((name) => offline === true || this.#isConsumed(srcGroup, name)),
            },
            settings,
          );
        },
      );
      return outcome === 'done' ? { ...done, remark: writer.remark } : outcome.refused;
    } catch (error) {
      if (!isFailure(error)) throw error;
      return refusalOf(error, 'definition');
    }
  }

  /** What an online group does not subscribe to any more says nothing of its progress. */
  #isConsumed(group: string, topic: string): boolean {
    const subscriptions = this.#parts.consumers.group(group)?.subscriptions;
    return subscriptions === undefined || subscriptions.size === 0 || subscriptions.has(topic);
  }
}

function topicsOf(state: MetadataReader, group: string): string[] {
  return [...new Set(state.offsetsOfGroup(group).map(({ topic }) => topic))];
}

const isBlank = (text: string | undefined): boolean => text === undefined || text.trim() === '';
