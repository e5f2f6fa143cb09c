import { formatAddress, timestampMs } from '../../base/index.ts';
import { type Answer, handleAsync, type RemotingConnection } from '../../remoting/index.ts';
import type { Store } from '../../views/index.ts';
import {
  createOrUpdateGroup,
  createOrUpdateGroups,
  createOrUpdateTopic,
  createOrUpdateTopics,
  type Decision,
  deleteGroup,
  deleteTopic,
  type MetadataReader,
  type MetadataSettings,
  parseAttributeChanges,
  type ResetTarget,
  resetOffsets,
  setRequestMode,
  type TopicConfig,
} from '../../views/metadata/index.ts';
import {
  CreateTopic,
  DeleteSubscriptionGroup,
  DeleteTopic,
  type HeaderOf,
  type IncomingCommand,
  MessageRequestMode,
  ResetOffset,
  ResetOffsetBody,
  ResponseCode,
  SubscriptionGroupConfig,
  SubscriptionGroupList,
  TopicConfigList,
} from '../../wire/index.ts';
import type { MetadataWriter } from '../metadata-writer.ts';
import type { OffsetCommits } from '../offset-commits.ts';
import { refusalOf } from '../refusals.ts';
import type { Topics } from '../topics.ts';

const popNotSupported = 'pop consumption is not supported yet; the mode of a group is PULL';

interface DefinitionsParts {
  readonly writer: MetadataWriter;
  readonly commits: OffsetCommits;
  readonly store: Store;
  readonly topics: Topics;
  readonly settings: MetadataSettings;
  /** Resolves when the name servers know the topics that are applied, or could not be told soon. */
  readonly announced: () => Promise<void>;
}

/**
 * Topics and groups that an administrator asks for: UPDATE_AND_CREATE_TOPIC (17), its list form (18),
 * DELETE_TOPIC_IN_BROKER (215), UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (200), its list form (225),
 * DELETE_SUBSCRIPTIONGROUP (207), SET_MESSAGE_REQUEST_MODE (401). A list is one record: all of it or nothing, and the
 * refusal names what is wrong. Answered when durable and applied (P1); a topic also when the name servers know it, so
 * that the next route query finds it.
 */
export class Definitions {
  readonly #parts: DefinitionsParts;

  constructor(parts: DefinitionsParts) {
    this.#parts = parts;
  }

  createTopic(connection: RemotingConnection, request: IncomingCommand): void {
    const header = CreateTopic.decode(request);
    const changes = parseAttributeChanges(header.attributes ?? '');
    if ('refused' in changes) {
      connection.answer(request, changes.refused);
      return;
    }
    const config: TopicConfig = {
      topicName: header.topic,
      readQueueNums: header.readQueueNums,
      writeQueueNums: header.writeQueueNums,
      perm: header.perm,
      topicFilterType: header.topicFilterType ?? 'SINGLE_TAG',
      topicSysFlag: header.topicSysFlag ?? 0,
      order: header.order ?? false,
      attributes: changes.changes,
    };
    this.#define(connection, request, `UPDATE_AND_CREATE_TOPIC ${header.topic}`, true, (state) =>
      createOrUpdateTopic(state, config, this.#parts.settings),
    );
  }

  createTopics(connection: RemotingConnection, request: IncomingCommand): void {
    const { topicConfigList } = TopicConfigList.decode(request.body);
    const names = topicConfigList.map(({ topicName }) => topicName ?? '');
    const cause = `UPDATE_AND_CREATE_TOPIC_LIST ${names.join(' ')}`;
    this.#define(connection, request, cause, true, (state) =>
      createOrUpdateTopics(state, topicConfigList, this.#parts.settings),
    );
  }

  createGroups(connection: RemotingConnection, request: IncomingCommand): void {
    const { groupConfigList } = SubscriptionGroupList.decode(request.body);
    const names = groupConfigList.map(({ groupName }) => groupName);
    const cause = `UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST ${names.join(' ')}`;
    this.#define(connection, request, cause, false, (state) =>
      createOrUpdateGroups(state, groupConfigList),
    );
  }

  /** SET_MESSAGE_REQUEST_MODE (401). POP is refused: a group that asks for it would go on pulling. */
  setRequestMode(connection: RemotingConnection, request: IncomingCommand): void {
    const mode = MessageRequestMode.decode(request.body);
    const { topic, consumerGroup } = mode;
    const cause = `SET_MESSAGE_REQUEST_MODE ${consumerGroup} ${topic} ${mode.mode}`;
    this.#define(connection, request, cause, false, (state) => {
      const decision = setRequestMode(state, mode);
      if ('refused' in decision || mode.mode === 'PULL') return decision;
      return { refused: { code: ResponseCode.SYSTEM_ERROR, remark: popNotSupported } };
    });
  }

  deleteTopic(connection: RemotingConnection, request: IncomingCommand): void {
    const { topic } = DeleteTopic.decode(request);
    const { commits, settings } = this.#parts;
    this.#define(connection, request, `DELETE_TOPIC_IN_BROKER ${topic}`, true, (state) => {
      commits.forget((commit) => commit.topic === topic);
      return deleteTopic(state, topic, settings);
    });
  }

  createGroup(connection: RemotingConnection, request: IncomingCommand): void {
    const config = SubscriptionGroupConfig.decode(request.body);
    const cause = `UPDATE_AND_CREATE_SUBSCRIPTIONGROUP ${config.groupName}`;
    this.#define(connection, request, cause, false, (state) => createOrUpdateGroup(state, config));
  }

  deleteGroup(connection: RemotingConnection, request: IncomingCommand): void {
    const { groupName } = DeleteSubscriptionGroup.decode(request);
    const { commits } = this.#parts;
    this.#define(connection, request, `DELETE_SUBSCRIPTIONGROUP ${groupName}`, false, (state) => {
      commits.forget((commit) => commit.group === groupName);
      return deleteGroup(state, groupName);
    });
  }

  /** INVOKE_BROKER_TO_RESET_OFFSET (222), server side: consumers are told by their next pull (21). */
  resetOffsets(connection: RemotingConnection, request: IncomingCommand): void {
    const header = ResetOffset.decode(request);
    answerWith(connection, request, async () => {
      this.#parts.commits.appendAll();
      const targets = await this.#resetTargets(header);
      if ('code' in targets) return targets;
      const { topic, group } = header;
      const outcome = await this.#parts.writer.define(
        causeOf(connection, `INVOKE_BROKER_TO_RESET_OFFSET ${group} ${topic}`),
        (state) => resetOffsets(state, { group, topic, targets }),
      );
      if (outcome !== 'done') return outcome.refused;
      const { brokerName } = this.#parts.settings;
      return {
        code: ResponseCode.SUCCESS,
        remark: this.#parts.writer.remark,
        body: ResetOffsetBody.encode({
          offsetTable: new Map(
            targets.map(({ queueId, offset }) => [{ brokerName, queueId, topic }, offset]),
          ),
        }),
      };
    });
  }

  /** The queues to reset and where to: one by its offset, or all by time (below 0: to their end). */
  async #resetTargets(header: HeaderOf<typeof ResetOffset>): Promise<ResetTarget[] | Answer> {
    const { store, topics } = this.#parts;
    const state = topics.find(header.topic);
    if (state === undefined) {
      return { code: ResponseCode.TOPIC_NOT_EXIST, remark: `Topic ${header.topic} does not exist` };
    }
    const queueId = header.queueId ?? -1;
    if (queueId >= state.config.readQueueNums) {
      return {
        code: ResponseCode.SYSTEM_ERROR,
        remark: `queueId ${queueId} of topic ${header.topic} does not exist`,
      };
    }
    const ids =
      queueId >= 0 ? [queueId] : Array.from({ length: state.config.readQueueNums }, (_, id) => id);
    const targets: ResetTarget[] = [];
    for (const id of ids) {
      const queue = state.queues.queue(id);
      const range = { min: queue.min, max: queue.readable(store.commitPoint) };
      if (queueId >= 0 && header.offset !== undefined && header.offset >= 0) {
        targets.push({ queueId: id, offset: header.offset, range });
      } else if (header.timestamp < 0) {
        targets.push({ queueId: id, offset: range.max });
      } else {
        const offset = await store.queues.searchByTimestamp(
          queue,
          timestampMs(header.timestamp),
          'lower',
          store.commitPoint,
        );
        targets.push({ queueId: id, offset });
      }
    }
    return targets;
  }

  #define(
    connection: RemotingConnection,
    request: IncomingCommand,
    what: string,
    announce: boolean,
    decide: (state: MetadataReader) => Decision,
  ): void {
    answerWith(connection, request, async () => {
      const outcome = await this.#parts.writer.define(causeOf(connection, what), decide);
      if (outcome !== 'done') return outcome.refused;
      if (announce) await this.#parts.announced();
      return { code: ResponseCode.SUCCESS, remark: this.#parts.writer.remark };
    });
  }
}

/** Answers with what becomes of a definition; one that cannot be written is refused as such. */
function answerWith(
  connection: RemotingConnection,
  request: IncomingCommand,
  work: () => Promise<Answer>,
): void {
  handleAsync(connection, request, async () => {
    try {
      return await work();
    } catch (error) {
      return refusalOf(error, 'definition');
    }
  });
}

/** Who asked for what, kept in the record for people. */
function causeOf(connection: RemotingConnection, what: string): string {
  return `${what} by ${formatAddress(connection.remote)}`;
}
