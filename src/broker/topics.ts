import { isFailure } from '../base/index.ts';
import { EPOCH_TOPIC } from '../log/index.ts';
import type { Store } from '../views/index.ts';
import {
  type AutoCreateTopic,
  autoCreateTopic,
  createDlqTopic,
  createRetryTopic,
  type Decision,
  deadLetterTopicOf,
  METADATA_TOPIC,
  type MetadataReader,
  type MetadataSettings,
  type Refusal,
  type Row,
  retryTopicOf,
  type TopicConfig,
  topicNotExist,
} from '../views/metadata/index.ts';
import type { TopicQueues } from '../views/queues/index.ts';
import { ResponseCode } from '../wire/index.ts';
import type { MetadataWriter } from './metadata-writer.ts';
import { refusalOf } from './refusals.ts';
import type { Statistics } from './statistics/statistics.ts';
import type { TopicStatistics } from './statistics/topic-statistics.ts';

/** A topic of the appended state, with its queues. */
export interface TopicState {
  readonly name: string;
  /** UTF-8. */
  readonly bytes: Uint8Array;
  readonly row: Row;
  readonly config: TopicConfig;
  readonly queues: TopicQueues;
  /** Ours alone: no client may read, list or write it. */
  readonly isHidden: boolean;
  /** No client may send to it. */
  readonly isClosed: boolean;
  /** Whose messages are retried here; undefined for all other topics. */
  readonly retryGroup: string | undefined;
  /** What is counted of it, from its first message or consumer on. */
  readonly statistics: TopicStatistics;
}

export const retryTopicPrefix = '%RETRY%';
export const dlqTopicPrefix = '%DLQ%';

/** Topics that no client may send to. Source: `TopicValidator.NOT_ALLOWED_SEND_TOPIC_SET`, and our own. */
const closedTopics: ReadonlySet<string> = new Set([
  'SCHEDULE_TOPIC_XXXX',
  'RMQ_SYS_TRANS_HALF_TOPIC',
  'RMQ_SYS_TRANS_OP_HALF_TOPIC',
  'TRANS_CHECK_MAX_TIME_TOPIC',
  'SELF_TEST_TOPIC',
  'OFFSET_MOVED_EVENT',
  'rmq_sys_metadata',
  'rmq_sys_epoch',
]);

export function isHiddenTopic(name: string): boolean {
  return name === METADATA_TOPIC || name === EPOCH_TOPIC;
}

/** Of `%RETRY%group` and of `%RETRY%group+topic`, where popped messages are retried. */
function retryGroupOf(name: string): string | undefined {
  if (!name.startsWith(retryTopicPrefix)) return undefined;
  return name.slice(retryTopicPrefix.length).split('+', 1)[0];
}

/** Finds topics in the appended state. What it knows of one is valid as long as its row is the same object. */
export class Topics {
  readonly #store: Store;
  readonly #writer: MetadataWriter;
  readonly #settings: MetadataSettings;
  readonly #statistics: Statistics;
  readonly #known = new Map<string, TopicState>();

  constructor(
    settings: MetadataSettings,
    store: Store,
    writer: MetadataWriter,
    statistics: Statistics,
  ) {
    this.#store = store;
    this.#writer = writer;
    this.#settings = settings;
    this.#statistics = statistics;
  }

  find(name: string): TopicState | undefined {
    const { tables, role } = this.#store;
    let reader = tables.appended;
    let row = reader.topicRow(name);
    if (row === undefined && role !== 'leader') {
      // On a replica, a delete that is not applied may never happen.
      reader = tables.applied;
      row = reader.topicRow(name);
    }
    const known = this.#known.get(name);
    if (row === undefined) {
      if (known !== undefined) this.#known.delete(name);
      return undefined;
    }
    if (known !== undefined && known.row === row) return known;
    const config = reader.topic(name);
    if (config === undefined) return undefined;
    const statistics = this.#statistics;
    let counted: TopicStatistics | undefined;
    const state: TopicState = {
      name,
      bytes: new TextEncoder().encode(name),
      row,
      config,
      queues: this.#store.queues.topic(name, row.createdAt),
      isHidden: isHiddenTopic(name),
      isClosed: closedTopics.has(name),
      retryGroup: retryGroupOf(name),
      get statistics() {
        counted ??= statistics.topic(name);
        return counted;
      },
    };
    this.#known.set(name, state);
    return state;
  }

  /** A topic that a message is sent to and that does not exist: from its template, if that is allowed. */
  createForSend(create: AutoCreateTopic): TopicState | { readonly refused: Refusal } {
    try {
      const refused = create.topic.startsWith(retryTopicPrefix)
        ? this.#createRetry(create.topic, create.unitMode)
        : this.#writer.imply(`auto-create ${create.topic}`, (state) =>
            autoCreateTopic(state, create, this.#settings),
          );
      if (refused !== undefined) return { refused };
    } catch (error) {
      return { refused: refusalOf(error, 'message') };
    }
    return (
      this.find(create.topic) ?? {
        refused: {
          code: ResponseCode.TOPIC_NOT_EXIST,
          remark: `topic[${create.topic}] not exist, apply first please!`,
        },
      }
    );
  }

  /** The retry topic of a group, which comes with its first heartbeat; with a later one when it cannot be written now. */
  ensureRetry(group: string, queues: number, unitMode: boolean): void {
    if (this.find(retryTopicPrefix + group) !== undefined) return;
    try {
      this.#writer.imply(`retry topic of ${group}`, (state) =>
        createRetryTopic(state, { group, queues, unitMode }),
      );
    } catch (error) {
      if (!isFailure(error)) throw error;
    }
  }

  /** Where messages that a group sends back are retried. */
  retries(group: string, queues: number, unitMode: boolean): TopicState | Refusal {
    return this.#findOrImply(retryTopicOf(group), (state) =>
      createRetryTopic(state, { group, queues, unitMode }),
    );
  }

  /** Where messages end that a group could not consume. */
  deadLetters(group: string): TopicState | Refusal {
    return this.#findOrImply(deadLetterTopicOf(group), (state) => createDlqTopic(state, { group }));
  }

  #findOrImply(name: string, decide: (state: MetadataReader) => Decision): TopicState | Refusal {
    const known = this.find(name);
    if (known !== undefined) return known;
    try {
      const refused = this.#writer.imply(`create ${name}`, decide);
      if (refused !== undefined) return refused;
    } catch (error) {
      return refusalOf(error, 'message');
    }
    return this.find(name) ?? topicNotExist(name);
  }

  #createRetry(name: string, unitMode: boolean): Refusal | undefined {
    const group = name.slice(retryTopicPrefix.length);
    if (this.#store.tables.appended.groupRow(group) === undefined) {
      return {
        code: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
        remark: `subscription group not exist, ${group}`,
      };
    }
    return this.#writer.imply(`retry topic of ${group}`, (state) =>
      createRetryTopic(state, { group, queues: 1, unitMode }),
    );
  }
}
