import type { Clock, PhysicalOffset, Random } from '../../base/index.ts';
import type { RemotingConnection } from '../../remoting/index.ts';
import {
  delaySourceProperty,
  type NewMessage,
  RecordProperties,
  type Store,
} from '../../views/index.ts';
import {
  createUniqueId,
  decodeBatch,
  type IncomingCommand,
  maxPropertiesBytes,
  ResponseCode,
  SendMessageView,
  SysFlag,
  storeHostPrefix,
  type UniqueIdSource,
} from '../../wire/index.ts';
import { clientLink } from '../client-link.ts';
import { refusalOf } from '../refusals.ts';
import type { InSync } from '../replication/in-sync.ts';
import type { Statistics } from '../statistics/statistics.ts';
import type { TopicState, Topics } from '../topics.ts';
import { type PendingSend, PendingSendPool } from './pending-send.ts';
import { DecodedSendFields, type SendFields } from './send-fields.ts';
import { notYetSupported, type SpecialMessages, withoutDelaySource } from './special-messages.ts';

export interface SenderOptions {
  readonly clusterName: string;
  readonly regionId: string;
  readonly traceOn: boolean;
  readonly permission: number;
  readonly maxMessageBytes: number;
  readonly acceptSendsFrom: number;
  readonly syncFlushTimeoutMs: number;
  readonly controllerMode: boolean;
  readonly brokerRole: 'ASYNC_MASTER' | 'SYNC_MASTER' | 'SLAVE';
  readonly inSyncReplicas: number;
  readonly allAckInSyncStateSet: boolean;
  readonly slaveTimeoutMs: number;
  readonly definitionTimeoutMs: number;
  /** Address and port that records and message ids state, 8 or 20 bytes. */
  readonly storeHost: Uint8Array;
}

const writePermission = 2;
/** Room for properties as they come in and for what the broker adds. */
const scratchBytes = 128 * 1024;

/** What a send that is not appended is answered with. */
interface Refused {
  readonly code: number;
  readonly remark: string;
}

/** When a send is answered (design section 6.3), besides how many replicas must have it. */
type Safety = 'written' | 'synced' | 'committed' | 'durable';

/**
 * SEND_MESSAGE (10), SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320): checks in the order of Java's
 * `SendMessageProcessor`, append, and an answer when the record is as safe as its acknowledgement promises.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #store: Store;
  readonly #topics: Topics;
  readonly #statistics: Statistics;
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #announced: () => Promise<void>;
  readonly #special: SpecialMessages;
  readonly #onWaiting: () => void;
  readonly #pool: PendingSendPool;
  readonly #inSync: InSync;
  /** Sends wait for the in-sync set, unless they say otherwise. */
  readonly #isSyncMaster: boolean;
  readonly #view = new SendMessageView();
  readonly #message: NewMessage;
  readonly #scratch = new Uint8Array(scratchBytes);
  /** What the broker adds to the properties of every message. */
  readonly #suffix: Uint8Array;
  /** The longest properties that still leave room for a separator, a unique key and the suffix. */
  readonly #maxPropertiesIn: number;
  readonly #uniqueIds: UniqueIdSource;
  #uniqueIdCounter = 0;
  /** Of the send in hand: the record that created its topic is not applied yet. */
  #isTopicNew = false;
  /** Of the send in hand: until when it waits in the schedule topic; 0 = it does not. */
  #dueAt = 0;

  constructor(
    options: SenderOptions,
    parts: {
      readonly store: Store;
      readonly topics: Topics;
      readonly statistics: Statistics;
      readonly inSync: InSync;
      readonly random: Random;
      readonly clock: Clock;
      /** Resolves when the name servers know the topics that are applied, or could not be told soon. */
      readonly announced: () => Promise<void>;
      readonly specialMessages: SpecialMessages;
      /** Told when a delayed message was appended. */
      readonly onWaiting: () => void;
    },
  ) {
    this.#options = options;
    this.#store = parts.store;
    this.#topics = parts.topics;
    this.#statistics = parts.statistics;
    this.#random = parts.random;
    this.#clock = parts.clock;
    this.#announced = parts.announced;
    this.#special = parts.specialMessages;
    this.#onWaiting = parts.onWaiting;
    this.#inSync = parts.inSync;
    this.#isSyncMaster = options.controllerMode || options.brokerRole !== 'ASYNC_MASTER';
    this.#pool = new PendingSendPool(
      {
        storeHost: storeHostPrefix(options.storeHost),
        regionId: options.regionId,
        traceOn: options.traceOn,
      },
      parts.statistics,
      () => parts.inSync.loneliness,
    );
    this.#suffix = new TextEncoder().encode(
      `MSG_REGION\u0001${options.regionId}\u0002TRACE_ON\u0001${options.traceOn}\u0002` +
        `CLUSTER\u0001${options.clusterName}\u0002`,
    );
    this.#uniqueIds = {
      address: options.storeHost.subarray(0, options.storeHost.length - 4),
      processId: parts.random.below(65_536),
      chance: parts.random.below(2 ** 31),
    };
    const uniqueKey = uniqueKeyProperty(createUniqueId(this.#uniqueIds, 0, 0));
    this.#maxPropertiesIn = maxPropertiesBytes - 1 - uniqueKey.length - this.#suffix.length;
    this.#message = {
      queue: undefined as unknown as NewMessage['queue'],
      topic: this.#suffix,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: 0,
      bornHost: options.storeHost,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: this.#suffix,
      properties: this.#scratch,
      propertiesLength: 0,
      known: new RecordProperties(),
      tagsCode: 0,
    };
  }

  handle(connection: RemotingConnection, request: IncomingCommand): void {
    const fields: SendFields = this.#view.read(request)
      ? this.#view
      : new DecodedSendFields(request);
    const refused = this.#send(connection, request, fields);
    if (refused !== undefined) connection.answer(request, refused);
  }

  #send(
    connection: RemotingConnection,
    request: IncomingCommand,
    fields: SendFields,
  ): Refused | undefined {
    let topic = this.#topics.find(fields.topic);
    if (topic === undefined) {
      const created = this.#autoCreate(fields);
      if ('code' in created) return created;
      topic = created;
    }
    const refused = this.#check(topic, request, fields);
    if (refused !== undefined) return refused;
    this.#isTopicNew = topic.row.createdAt >= this.#store.tables.appliedPosition;
    const { config } = topic;
    const queueId =
      fields.queueId >= 0 ? fields.queueId : this.#random.below(config.writeQueueNums);

    const message = this.#message;
    const scratch = this.#scratch;
    let end = fields.copyProperties(scratch, 0);
    if (end > 0 && scratch[end - 1] !== 2) scratch[end++] = 2;
    const properties = message.known;
    properties.scan(scratch, 0, end);
    const safety = this.#safetyOf(properties);
    if (isOfSet(safety)) {
      const why = this.#inSync.whyNoMessages();
      if (why !== undefined) return { code: ResponseCode.SYSTEM_ERROR, remark: why };
    }
    message.reconsumeTimes = fields.reconsumeTimes;
    this.#dueAt = 0;
    let target = topic;
    if (fields.batch) {
      message.queue = topic.queues.queue(queueId);
    } else if (properties.special !== undefined || topic.retryGroup !== undefined) {
      const redirected = this.#special.redirect({
        topic,
        queueId,
        properties: scratch,
        propertiesEnd: end,
        reconsumeTimes: fields.reconsumeTimes,
        maxReconsumeTimes: fields.maxReconsumeTimes,
        maxPropertiesBytes: this.#maxPropertiesIn,
      });
      if ('code' in redirected) return redirected;
      target = redirected.topic;
      this.#dueAt = redirected.dueAt ?? 0;
      message.queue = target.queues.queue(redirected.queueId);
      end = redirected.properties.length;
      scratch.set(redirected.properties);
      properties.scan(scratch, 0, end);
    } else {
      message.queue = topic.queues.queue(queueId);
    }
    message.topic = target.bytes;
    message.flag = fields.flag;
    message.sysFlag = fields.sysFlag & ~SysFlag.TRANSACTION_TYPE;
    message.bornTimestamp = fields.bornTimestamp;
    message.bornHost = clientLink(connection).host;
    try {
      if (fields.batch) {
        return this.#appendBatch(connection, request, topic, queueId, safety);
      }
      return this.#appendOne(connection, request, target, queueId, end, safety);
    } catch (error) {
      this.#statistics.failedPuts++;
      return refusalOf(error, 'message');
    }
  }

  #appendOne(
    connection: RemotingConnection,
    request: IncomingCommand,
    topic: TopicState,
    queueId: number,
    propertiesEnd: number,
    safety: Safety,
  ): undefined {
    const message = this.#message;
    const scratch = this.#scratch;
    const { known } = message;
    message.body = request.body;
    message.propertiesLength = this.#completeProperties(propertiesEnd, known);
    message.tagsCode = this.#dueAt > 0 ? this.#dueAt : known.tagsCode(scratch);
    this.#store.append(message);
    if (this.#dueAt > 0) this.#onWaiting();
    const { appendedAt, appendedEnd, appendedOffset, turnTime } = this.#store;
    topic.statistics.put(1, appendedEnd - appendedAt);
    if (request.isOneway) return;
    const answer = this.#pool.take();
    const asksSet = isOfSet(safety);
    answer.prepare(connection, request, turnTime, queueId, appendedOffset, appendedAt, asksSet);
    answer.setUniqueKey(scratch, known.uniqueKeyStart, known.uniqueKeyEnd);
    this.#answerWhen(appendedEnd, answer, safety);
  }

  /** Each message of a batch becomes a record of its own; all of them are appended, or none. */
  #appendBatch(
    connection: RemotingConnection,
    request: IncomingCommand,
    topic: TopicState,
    queueId: number,
    safety: Safety,
  ): Refused | undefined {
    if (topic.retryGroup !== undefined) {
      const remark = 'a batch cannot go to a retry topic';
      return { code: ResponseCode.MESSAGE_ILLEGAL, remark };
    }
    const { special } = this.#message.known;
    if (special !== undefined && special !== delaySourceProperty) return notYetSupported(special);
    const messages: NewMessage[] = [];
    for (const item of decodeBatch(request.body)) {
      const stated = withoutDelaySource(item.properties);
      const properties = new Uint8Array(stated.length + 1 + this.#suffix.length);
      properties.set(stated);
      let end = stated.length;
      if (end > 0 && properties[end - 1] !== 2) properties[end++] = 2;
      properties.set(this.#suffix, end);
      end += this.#suffix.length;
      if (end > maxPropertiesBytes) return tooLong('properties', end, maxPropertiesBytes);
      const known = new RecordProperties();
      known.scan(properties, 0, end);
      if (known.special !== undefined) return notYetSupported(known.special);
      messages.push({
        ...this.#message,
        flag: item.flag,
        body: item.body,
        properties,
        propertiesLength: end,
        known,
        tagsCode: known.tagsCode(properties),
      });
    }
    if (messages.length === 0) {
      return { code: ResponseCode.MESSAGE_ILLEGAL, remark: 'the batch holds no message' };
    }
    const positions = this.#store.appendBatch(messages);
    const { appendedAt, appendedEnd, appendedOffset, turnTime } = this.#store;
    topic.statistics.put(messages.length, appendedEnd - appendedAt);
    if (request.isOneway) return undefined;
    const answer = this.#pool.take();
    const asksSet = isOfSet(safety);
    answer.prepare(connection, request, turnTime, queueId, appendedOffset, positions, asksSet);
    this.#answerWhen(appendedEnd, answer, safety);
    return undefined;
  }

  /** A producer that does not wait, and an asynchronous master, ask for this node alone. */
  #safetyOf({ waitStart, waitEnd }: RecordProperties): Safety {
    if (waitStart >= 0 && isFalse(this.#scratch, waitStart, waitEnd)) return 'written';
    const { syncFlush } = this.#store;
    if (this.#isSyncMaster) return syncFlush ? 'durable' : 'committed';
    return syncFlush ? 'synced' : 'written';
  }

  /**
   * The first sends to a topic that was just created wait until the name servers know it, as with RocketMQ: a consumer
   * that starts then finds it. They wait no less than others, however long that takes.
   */
  #answerWhen(end: PhysicalOffset, answer: PendingSend, safety: Safety): void {
    if (!this.#isTopicNew) {
      this.#answerOnce(safety, end, answer);
      return;
    }
    // In the line of definitions, all of which wait equally long.
    this.#store.whenDurable(end, {
      deadlineMs: this.#clock.monotonicMs() + this.#options.definitionTimeoutMs,
      reached: () => void this.#announced().then(() => this.#answerOnce(safety, end, answer)),
      gaveUp: (outcome, why) => {
        if (outcome === 'late') this.#answerOnce(safety, end, answer);
        else answer.gaveUp(outcome, why);
      },
    });
  }

  /** If the disk takes too long, or too few replicas have it in time, the answer says so (10, 12). */
  #answerOnce(safety: Safety, end: PhysicalOffset, answer: PendingSend): void {
    const store = this.#store;
    const { inSyncReplicas, allAckInSyncStateSet, syncFlushTimeoutMs } = this.#options;
    const mustCount = inSyncReplicas > 1 && !allAckInSyncStateSet && isOfSet(safety);
    if (safety === 'written') store.whenWritten(end, answer);
    else if (safety === 'committed') {
      if (mustCount) this.#answerWhenCopied(end, answer);
      else store.whenCommitted(end, answer);
    } else {
      const deadlineMs = this.#clock.monotonicMs() + syncFlushTimeoutMs;
      answer.deadlineMs = deadlineMs;
      if (safety === 'synced') store.whenSynced(end, answer);
      else if (!mustCount) store.whenMessageDurable(end, answer);
      else {
        store.whenMessageDurable(end, {
          deadlineMs,
          reached: () => this.#answerWhenCopied(end, answer),
          gaveUp: (outcome, why) => answer.gaveUp(outcome, why),
        });
      }
    }
  }

  #answerWhenCopied(end: PhysicalOffset, answer: PendingSend): void {
    const { slaveTimeoutMs, inSyncReplicas } = this.#options;
    this.#store.whenCopied(end, {
      deadlineMs: this.#clock.monotonicMs() + slaveTimeoutMs,
      reached: () => answer.reached(),
      gaveUp: (outcome, why) => {
        if (outcome !== 'late') answer.gaveUp(outcome, why);
        else {
          const remark = `fewer than ${inSyncReplicas} replicas have it (inSyncReplicas)`;
          answer.stored(ResponseCode.FLUSH_SLAVE_TIMEOUT, remark);
        }
      },
    });
  }

  /** Adds what the broker adds, a unique key where there is none; returns the new end. */
  #completeProperties(end: number, known: RecordProperties): number {
    const scratch = this.#scratch;
    let at = end;
    if (known.uniqueKeyStart < 0) {
      this.#uniqueIdCounter = (this.#uniqueIdCounter + 1) & 0xffff;
      const id = createUniqueId(
        this.#uniqueIds,
        this.#store.turnTime % millisecondsOfMonth,
        this.#uniqueIdCounter,
      );
      known.uniqueKeyStart = at + 'UNIQ_KEY='.length;
      known.uniqueKeyEnd = known.uniqueKeyStart + id.length;
      at += asciiInto(scratch, at, uniqueKeyProperty(id));
    }
    scratch.set(this.#suffix, at);
    return at + this.#suffix.length;
  }

  #check(topic: TopicState, request: IncomingCommand, fields: SendFields): Refused | undefined {
    const { config, name } = topic;
    if (this.#options.acceptSendsFrom > this.#store.turnTime) {
      return {
        code: ResponseCode.SYSTEM_ERROR,
        remark: `broker unable to service, until, ${this.#options.acceptSendsFrom}`,
      };
    }
    if ((this.#options.permission & writePermission) === 0 && config.order) {
      return {
        code: ResponseCode.NO_PERMISSION,
        remark: 'the broker sending message is forbidden',
      };
    }
    if (topic.isClosed) {
      return {
        code: ResponseCode.NO_PERMISSION,
        remark: `Sending message to topic[${name}] is forbidden.`,
      };
    }
    const queues = Math.max(config.readQueueNums, config.writeQueueNums);
    if (fields.queueId >= queues || (fields.queueId < 0 && config.writeQueueNums === 0)) {
      return {
        code: ResponseCode.INVALID_PARAMETER,
        remark: `request queueId[${fields.queueId}] is illegal, topic ${name} has ${queues} queues`,
      };
    }
    if (fields.propertiesLength > this.#maxPropertiesIn) {
      return tooLong('properties', fields.propertiesLength, maxPropertiesBytes);
    }
    if (request.bodyLength === 0) {
      return { code: ResponseCode.MESSAGE_ILLEGAL, remark: 'the message body is empty' };
    }
    if (request.bodyLength > this.#options.maxMessageBytes) {
      return tooLong('body', request.bodyLength, this.#options.maxMessageBytes);
    }
    return undefined;
  }

  #autoCreate(fields: SendFields): TopicState | Refused {
    const outcome = this.#topics.createForSend({
      topic: fields.topic,
      defaultTopic: fields.defaultTopic,
      queues: fields.defaultTopicQueueNums,
      unitMode: fields.unitMode,
    });
    return 'refused' in outcome ? outcome.refused : outcome;
  }
}

const isOfSet = (safety: Safety): boolean => safety === 'committed' || safety === 'durable';

const millisecondsOfMonth = 30 * 86_400_000;

function tooLong(what: string, length: number, limit: number): Refused {
  return {
    code: ResponseCode.MESSAGE_ILLEGAL,
    remark: `the message ${what} has ${length} bytes, the limit is ${limit}`,
  };
}

function isFalse(bytes: Uint8Array, start: number, end: number): boolean {
  // 'f': the only other value that clients write is 'true'.
  return end > start && bytes[start] === 0x66;
}

function uniqueKeyProperty(id: string): string {
  return `UNIQ_KEY\u0001${id}\u0002`;
}

function asciiInto(target: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) target[at + index] = text.charCodeAt(index);
  return text.length;
}
