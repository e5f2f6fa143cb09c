import {
  type Clock,
  type Failure,
  formatAddress,
  isFailure,
  type Logger,
  queueOffset,
} from '../../base/index.ts';
import type { RemotingConnection } from '../../remoting/index.ts';
import type { Store } from '../../views/index.ts';
import { type AppliedChange, type OffsetCommit, Table } from '../../views/metadata/index.ts';
import type { Queue } from '../../views/queues/index.ts';
import {
  type Encoding,
  type IncomingCommand,
  Permission,
  PullMessage,
  PullMessageView,
  type PullResponse,
  PullSysFlag,
  ResponseCode,
  writePullResponse,
} from '../../wire/index.ts';
import type { Groups } from '../groups.ts';
import type { OffsetCommits } from '../offset-commits.ts';
import { readableEnd } from '../readable.ts';
import type { Consumers } from '../sessions/consumers.ts';
import type { GroupStatistics } from '../statistics/group-statistics.ts';
import type { Statistics } from '../statistics/statistics.ts';
import type { TopicState, Topics } from '../topics.ts';
import { ColdReads } from './cold-reads.ts';
import { Portions } from './portions.ts';
import { PullReader } from './pull-reader.ts';
import { type SuspendedPull, SuspendedPulls } from './suspended-pulls.ts';
import { type TagFilter, tagFilterOf } from './tag-filter.ts';

export interface PullerOptions {
  readonly permission: number;
  readonly longPolling: boolean;
  readonly shortPollingMs: number;
  readonly maxMemoryPullCount: number;
  readonly maxMemoryPullBytes: number;
  readonly maxDiskPullCount: number;
  readonly maxDiskPullBytes: number;
  readonly maxSuspendedPulls: number;
}

/** What a replica that serves readers needs to know of its group. */
export interface ReadersMaster {
  /** They belong to it. */
  readonly isThere: () => boolean;
  /** Takes what readers commit, if it can be reached. */
  readonly commit: (commit: OffsetCommit) => void;
}

interface PullerParts {
  readonly store: Store;
  readonly master: ReadersMaster;
  readonly topics: Topics;
  readonly groups: Groups;
  readonly consumers: Consumers;
  readonly commits: OffsetCommits;
  readonly statistics: Statistics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onDamage: (failure: Failure) => void;
}

/** A replica hands its readers back to the master so soon: they do not come at once again, as it may not be in their routes yet. */
const handBackMs = 1000;

/** One pull after its checks: what to read, and for whom. Stays while it is suspended. */
interface PullPlan {
  readonly connection: RemotingConnection;
  readonly opaque: number;
  readonly encoding: Encoding;
  readonly topic: TopicState;
  readonly queue: Queue;
  readonly groupSysFlag: number;
  readonly statistics: GroupStatistics;
  readonly filter: TagFilter;
  readonly maxMessages: number;
  /** Where to begin. */
  readonly offset: number;
  /** 0: answer at once when there is nothing. */
  readonly suspendMs: number;
  /** It was suspended: messages that its filter drops do not end its wait. */
  readonly hasWaited: boolean;
}

/**
 * PULL_MESSAGE (11) and LITE_PULL_MESSAGE (361): checks in the order of Java's `PullMessageProcessor`, records up to C
 * from memory or file, and long polling at the end of a queue. A replica serves what it knows to be committed and
 * changes nothing by it; whoever finds nothing there is handed back to the master, as soon as there is one.
 */
export class Puller {
  readonly #options: PullerOptions;
  readonly #parts: PullerParts;
  readonly #view = new PullMessageView();
  readonly #suspended: SuspendedPulls;
  readonly #coldReads: ColdReads;
  readonly #portions: Portions;
  /** Some of the suspended pulls came while there was no master. */
  #someLackMaster = false;

  constructor(options: PullerOptions, parts: PullerParts) {
    this.#options = options;
    this.#parts = parts;
    this.#suspended = new SuspendedPulls({ maxPulls: options.maxSuspendedPulls }, parts.clock);
    this.#coldReads = new ColdReads(parts.store.log);
    this.#portions = new Portions(parts.clock);
    parts.store.onAppended = (queue) => this.#suspended.appended(queue);
  }

  get suspendedPulls(): number {
    return this.#suspended.count;
  }

  handle(connection: RemotingConnection, request: IncomingCommand): void {
    const fields: PullFields = this.#view.read(request) ? this.#view : PullMessage.decode(request);
    const plan = this.#plan(connection, request, fields);
    if (plan !== undefined) this.#run(plan);
  }

  /** C moved, or a leader said where it is. */
  committed(): void {
    this.#suspended.committed((queue) => this.#readable(queue));
    if (!this.#someLackMaster || !this.#parts.master.isThere()) return;
    this.#someLackMaster = false;
    this.#suspended.resumeAll();
  }

  /** Pulls of queues that are gone are answered; the client learns the rest from its route. */
  forgetDeletedTopics(changes: readonly AppliedChange[]): void {
    const deletes = changes.some(
      ({ table, after }) => table === Table.topic && after === undefined,
    );
    if (deletes) this.#suspended.resumeAll((queue) => queue.topicQueues.dropped);
  }

  /** Answers what is suspended. */
  stop(): void {
    this.#suspended.stop();
    this.#portions.finish();
  }

  get #leads(): boolean {
    return this.#parts.store.role === 'leader';
  }

  /** The checks; answers and returns undefined when one fails. */
  #plan(
    connection: RemotingConnection,
    request: IncomingCommand,
    fields: PullFields,
  ): PullPlan | undefined {
    const { groups, topics, commits, consumers } = this.#parts;
    const refuse = (code: number, remark: string): undefined => {
      connection.answer(request, { code, remark });
    };
    if ((this.#options.permission & Permission.READ) === 0) {
      return refuse(ResponseCode.NO_PERMISSION, 'the broker pulling message is forbidden');
    }
    const { consumerGroup } = fields;
    const group = this.#leads
      ? groups.findOrCreate(consumerGroup)
      : groups.findOrPresume(consumerGroup);
    if (group === undefined) {
      return refuse(
        ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
        `subscription group [${consumerGroup}] does not exist`,
      );
    }
    if (!group.consumeEnable) {
      return refuse(
        ResponseCode.NO_PERMISSION,
        `subscription group no permission, ${consumerGroup}`,
      );
    }
    const topic = topics.find(fields.topic);
    if (topic === undefined) {
      return refuse(ResponseCode.TOPIC_NOT_EXIST, `topic[${fields.topic}] not exist`);
    }
    const { config } = topic;
    if (topic.isHidden || (config.perm & Permission.READ) === 0) {
      return refuse(
        ResponseCode.NO_PERMISSION,
        `the topic[${topic.name}] pulling message is forbidden`,
      );
    }
    if (fields.queueId < 0 || fields.queueId >= config.readQueueNums) {
      return refuse(
        ResponseCode.INVALID_PARAMETER,
        `queueId[${fields.queueId}] is illegal, topic:[${topic.name}] topicConfig.readQueueNums:` +
          `[${config.readQueueNums}] consumer:[/${formatAddress(connection.remote)}]`,
      );
    }
    let { subscription, expressionType } = fields;
    if ((fields.sysFlag & PullSysFlag.SUBSCRIPTION) === 0) {
      const session = consumers.group(consumerGroup);
      if (session?.messageModel === 'BROADCASTING' && !group.consumeBroadcastEnable) {
        return refuse(
          ResponseCode.NO_PERMISSION,
          `the consumer group[${consumerGroup}] can not consume by broadcast way`,
        );
      }
      const known = session?.subscriptions.get(topic.name);
      if (known === undefined) {
        return refuse(ResponseCode.SUBSCRIPTION_NOT_EXIST, "the consumer's subscription not exist");
      }
      if (known.subVersion < fields.subVersion) {
        return refuse(
          ResponseCode.SUBSCRIPTION_NOT_LATEST,
          "the consumer's subscription not latest",
        );
      }
      subscription = known.subString;
      expressionType = known.expressionType;
    }
    if (expressionType !== undefined && expressionType !== '' && expressionType !== 'TAG') {
      return refuse(
        ResponseCode.SYSTEM_ERROR,
        `The broker does not support consumer to filter message by ${expressionType}`,
      );
    }
    const { queueId } = fields;
    const queue = topic.queues.queue(queueId);
    if ((fields.sysFlag & PullSysFlag.COMMIT_OFFSET) !== 0) {
      const commit = { group: consumerGroup, topic: topic.name, queueId };
      // P5: beyond the end is the end, as it is now: what comes later was not consumed.
      const offset = queueOffset(Math.min(fields.commitOffset, queue.next));
      if (this.#leads) commits.note({ ...commit, offset });
      else this.#parts.master.commit({ ...commit, offset: queueOffset(fields.commitOffset) });
    }
    const statistics = topic.statistics.group(consumerGroup);
    statistics.notePull(queueId, fields.queueOffset);
    const reset = this.#leads ? commits.takeReset(consumerGroup, topic.name, queueId) : undefined;
    const { groupSysFlag } = group;
    if (reset !== undefined) {
      const { opaque, encoding } = request;
      const plan = { connection, opaque, encoding, topic, queue, groupSysFlag };
      this.#answerEmpty(plan, ResponseCode.PULL_OFFSET_MOVED, 'OFFSET_RESET', reset);
      return undefined;
    }
    const maySuspend = (fields.sysFlag & PullSysFlag.SUSPEND) !== 0;
    const suspendMs = this.#options.longPolling
      ? fields.suspendTimeoutMillis
      : this.#options.shortPollingMs;
    return {
      connection,
      opaque: request.opaque,
      encoding: request.encoding,
      topic,
      queue,
      groupSysFlag,
      statistics,
      filter: tagFilterOf(subscription),
      maxMessages: Math.max(1, Math.min(fields.maxMsgNums, this.#options.maxMemoryPullCount)),
      offset: fields.queueOffset,
      suspendMs: maySuspend ? suspendMs : 0,
      hasWaited: false,
    };
  }

  #run(plan: PullPlan): void {
    const { queue, offset } = plan;
    const end = this.#readable(queue);
    if (!this.#leads) {
      this.#runOnReplica(plan, end);
    } else if (end === 0 && offset === 0) {
      this.#waitOrAnswer(plan, 'NO_MESSAGE_IN_QUEUE', 0);
    } else if (offset < queue.min) {
      this.#answerEmpty(plan, ResponseCode.PULL_OFFSET_MOVED, 'OFFSET_TOO_SMALL', queue.min);
    } else if (offset === end) {
      this.#waitOrAnswer(plan, 'OFFSET_OVERFLOW_ONE', offset);
    } else if (offset > end) {
      this.#answerEmpty(plan, ResponseCode.PULL_OFFSET_MOVED, 'OFFSET_OVERFLOW_BADLY', end);
    } else {
      this.#readTo(end, plan);
    }
  }

  /**
   * Where the queue of a replica begins and ends says nothing about the master's: an offset that lies elsewhere is not
   * corrected, unless there is no master, and what lies there is gone here. Source: `PullMessageProcessor`,
   * `DefaultMessageStore.nextOffsetCorrection`.
   */
  #runOnReplica(plan: PullPlan, end: number): void {
    const { queue, offset } = plan;
    if (offset >= queue.min && offset < end) {
      this.#readTo(end, plan);
      return;
    }
    const hasMaster = this.#parts.master.isThere();
    if (offset < queue.min && !hasMaster) {
      this.#answerEmpty(plan, ResponseCode.PULL_OFFSET_MOVED, 'OFFSET_TOO_SMALL', queue.min);
      return;
    }
    const suspendMs = hasMaster ? Math.min(plan.suspendMs, handBackMs) : plan.suspendMs;
    if (suspendMs > 0 && this.#suspend({ ...plan, suspendMs })) {
      this.#someLackMaster ||= !hasMaster;
      return;
    }
    const code = hasMaster ? ResponseCode.PULL_RETRY_IMMEDIATELY : ResponseCode.PULL_NOT_FOUND;
    this.#answerEmpty(plan, code, 'OFFSET_OVERFLOW_ONE', offset);
  }

  #readable(queue: Queue): number {
    return readableEnd(this.#parts.store, queue) ?? queue.min;
  }

  #readTo(end: number, plan: PullPlan): void {
    const reader = new PullReader(plan, this.#options.maxMemoryPullBytes, end);
    const settled = this.#read(reader, plan);
    if (settled !== undefined) {
      settled.catch((error: unknown) => this.#failed(plan, error));
    }
  }

  /** Goes on synchronously as long as everything is in memory. */
  #read(reader: PullReader, plan: PullPlan): Promise<void> | undefined {
    const { store } = this.#parts;
    while (reader.wantsMore) {
      const entries = store.queues.read(
        plan.queue,
        queueOffset(reader.nextOffset),
        reader.entriesWanted,
        store.commitPoint,
      );
      if (entries instanceof Promise) {
        return entries.then((read) => {
          reader.take(read);
          return this.#read(reader, plan);
        });
      }
      reader.take(entries);
    }
    this.#answer(reader, plan);
    return undefined;
  }

  #answer(reader: PullReader, plan: PullPlan): void {
    if (reader.count === 0 && plan.hasWaited && plan.suspendMs > 0 && reader.isAtEnd) {
      this.#run({ ...plan, offset: reader.nextOffset });
      return;
    }
    if (reader.count === 0) {
      this.#answerEmpty(
        plan,
        ResponseCode.PULL_RETRY_IMMEDIATELY,
        'NO_MATCHED_MESSAGE',
        reader.nextOffset,
      );
      return;
    }
    const { log } = this.#parts.store;
    if (reader.isInTail(log)) {
      this.#answerRecords(plan, reader, 0, reader.tailRecords(log));
      return;
    }
    this.#portions.take(reader.bytes, plan.connection, () => {
      if (!plan.connection.isUsable) return;
      this.#answerOld(reader, plan)?.catch((error: unknown) => this.#failed(plan, error));
    });
  }

  #answerOld(reader: PullReader, plan: PullPlan): Promise<void> | undefined {
    const kept = this.#coldReads.inMemory(reader.positions, reader.sizes);
    if (kept !== undefined) {
      this.#answerRecords(plan, reader, 0, kept);
      return undefined;
    }
    reader.limitTo(this.#options.maxDiskPullCount, this.#options.maxDiskPullBytes);
    const { clock } = this.#parts;
    const beganMs = clock.monotonicMs();
    return this.#coldReads.read(reader.positions, reader.sizes, reader.count).then((records) => {
      const tookMs = clock.monotonicMs() - beganMs;
      const { statistics } = plan;
      statistics.count('fromDisk', reader.count);
      statistics.count('fromDiskBytes', reader.bytes);
      this.#answerRecords(plan, reader, Math.round(tookMs), records);
    });
  }

  #answerRecords(
    plan: PullPlan,
    reader: PullReader,
    tookMs: number,
    records: readonly Uint8Array[],
  ): void {
    const { connection } = plan;
    if (!connection.isUsable) return;
    const length = reader.bytes;
    plan.statistics.got(plan.queue.queueId, reader.count, length, tookMs);
    const response = this.#response(plan, ResponseCode.SUCCESS, 'FOUND', reader.nextOffset);
    writePullResponse(connection.output, plan.opaque, plan.encoding, response, length);
    for (const record of records) connection.output.append(record);
    connection.wantsFlush();
  }

  #waitOrAnswer(plan: PullPlan, state: string, next: number): void {
    if (plan.suspendMs > 0 && this.#suspend(plan)) return;
    this.#answerEmpty(plan, ResponseCode.PULL_NOT_FOUND, state, next);
  }

  #suspend(plan: PullPlan): boolean {
    const deadlineMs = this.#parts.clock.monotonicMs() + plan.suspendMs;
    const pull: SuspendedPull = {
      queue: plan.queue,
      offset: plan.offset,
      deadlineMs,
      get isClosed() {
        return !plan.connection.isUsable;
      },
      resume: (final) => {
        if (!plan.connection.isUsable) return;
        const left = deadlineMs - this.#parts.clock.monotonicMs();
        this.#run({ ...plan, suspendMs: final ? 0 : Math.max(0, left), hasWaited: true });
      },
    };
    if (!this.#suspended.add(pull)) return false;
    this.#parts.statistics.missed();
    return true;
  }

  #answerEmpty(
    plan: Pick<PullPlan, 'connection' | 'opaque' | 'encoding' | 'topic' | 'queue' | 'groupSysFlag'>,
    code: number,
    state: string,
    next: number,
  ): void {
    const { connection } = plan;
    if (!connection.isUsable) return;
    this.#parts.statistics.missed();
    const response = this.#response(plan, code, state, next);
    writePullResponse(connection.output, plan.opaque, plan.encoding, response, 0);
    connection.wantsFlush();
  }

  #response(
    plan: Pick<PullPlan, 'topic' | 'queue' | 'groupSysFlag'>,
    code: number,
    state: string,
    next: number,
  ): PullResponse {
    return {
      code,
      remark: state,
      suggestWhichBrokerId: 0,
      nextBeginOffset: next,
      minOffset: plan.queue.min,
      maxOffset: this.#readable(plan.queue),
      topicSysFlag: plan.topic.config.topicSysFlag,
      groupSysFlag: plan.groupSysFlag,
    };
  }

  #failed(plan: PullPlan, error: unknown): void {
    if (isFailure(error, 'unavailable', 'notFound')) {
      // Retention was faster: what the entries point to is gone. The queue may not begin behind it in this moment yet.
      this.#answerEmpty(
        plan,
        ResponseCode.PULL_RETRY_IMMEDIATELY,
        'MESSAGE_WAS_REMOVING',
        Math.max(plan.offset, plan.queue.min),
      );
      return;
    }
    if (isFailure(error, 'corrupt')) this.#parts.onDamage(error);
    this.#parts.logger.error('a pull could not be read', {
      topic: plan.topic.name,
      queueId: plan.queue.queueId,
      offset: plan.offset,
      error,
    });
    const { connection } = plan;
    if (!connection.isUsable) return;
    const response = this.#response(plan, ResponseCode.SYSTEM_ERROR, 'READ_FAILED', plan.offset);
    writePullResponse(connection.output, plan.opaque, plan.encoding, response, 0);
    connection.wantsFlush();
  }
}

/** What the pull path reads of a request: a `PullMessageView`, or a decoded header. */
interface PullFields {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly maxMsgNums: number;
  readonly sysFlag: number;
  readonly commitOffset: number;
  readonly suspendTimeoutMillis: number;
  readonly subVersion: number;
  readonly subscription?: string | undefined;
  readonly expressionType?: string | undefined;
}
