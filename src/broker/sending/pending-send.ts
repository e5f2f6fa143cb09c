import type { Failure } from '../../base/index.ts';
import type { RemotingConnection } from '../../remoting/index.ts';
import type { GaveUp, Waiter } from '../../views/index.ts';
import {
  CommandFlag,
  type Encoding,
  type IncomingCommand,
  ResponseCode,
  type SendResponse,
  writeCommand,
  writeSendResponse,
} from '../../wire/index.ts';
import { refusalOf } from '../refusals.ts';
import type { Statistics } from '../statistics/statistics.ts';

const space = 0x20;
const quoteMark = 0x22;
const backslash = 0x5c;

/** What all send answers of a broker have in common. */
export interface SendAnswerSettings {
  /** `storeHostPrefix` of the broker. */
  readonly storeHost: Uint8Array;
  readonly regionId: string;
  readonly traceOn: boolean;
}

/**
 * An answer to a send that waits until the record is safe enough. Pooled: one for each message in flight, used again
 * and again, so that the send path leaves no garbage.
 */
export class PendingSend implements Waiter, SendResponse {
  // What it says, as fields of its own: objects made with a spread get a shape each, and every access is a search.
  code: number = ResponseCode.SUCCESS;
  remark: string | undefined = undefined;
  queueId = 0;
  queueOffset = 0;
  readonly storeHost: Uint8Array;
  physicalOffset: number | readonly number[] = 0;
  transactionId: Uint8Array | undefined = undefined;
  readonly regionId: string;
  readonly traceOn: boolean;
  readonly #pool: PendingSendPool;
  #connection: RemotingConnection | undefined;
  /** By the monotonic clock; set by whoever waits for an fsync. */
  deadlineMs = 0;
  #opaque = 0;
  /** Wall time. */
  #arrivedAt = 0;
  #encoding: Encoding = 'json';
  /** It waits for the in-sync set, and says so when that is this node alone. */
  #asksSet = false;
  #uniqueKey: Uint8Array = new Uint8Array(32);

  constructor(pool: PendingSendPool, settings: SendAnswerSettings) {
    this.#pool = pool;
    this.storeHost = settings.storeHost;
    this.regionId = settings.regionId;
    this.traceOn = settings.traceOn;
  }

  /** `physicalOffset` is one position, or those of the messages of a batch. */
  prepare(
    connection: RemotingConnection,
    request: IncomingCommand,
    arrivedAt: number,
    queueId: number,
    queueOffset: number,
    physicalOffset: number | readonly number[],
    asksSet: boolean,
  ): void {
    this.#connection = connection;
    this.#opaque = request.opaque;
    this.#encoding = request.encoding;
    this.#arrivedAt = arrivedAt;
    this.queueId = queueId;
    this.queueOffset = queueOffset;
    this.physicalOffset = physicalOffset;
    this.transactionId = undefined;
    this.code = ResponseCode.SUCCESS;
    this.remark = undefined;
    this.#asksSet = asksSet;
  }

  /** The message's unique key goes back to the client as its transaction id, unless the answer cannot hold it. */
  setUniqueKey(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#uniqueKey.length !== length) this.#uniqueKey = new Uint8Array(length);
    const key = this.#uniqueKey;
    let isPlain = true;
    for (let index = 0; index < length; index++) {
      const byte = bytes[start + index] as number;
      if (byte < space || byte === quoteMark || byte === backslash) isPlain = false;
      key[index] = byte;
    }
    this.transactionId = isPlain ? key : undefined;
  }

  reached(): void {
    const connection = this.#connection as RemotingConnection;
    if (this.#asksSet) this.remark ??= this.#pool.loneliness();
    if (connection.isUsable) {
      writeSendResponse(connection.output, this.#opaque, this.#encoding, this);
      connection.wantsFlush();
    }
    this.#pool.statistics.acknowledged(this.#arrivedAt);
    this.#release();
  }

  /** It is in the log, but not as safe as was asked for. */
  stored(code: number, remark: string): void {
    this.code = code;
    this.remark = remark;
    this.reached();
  }

  gaveUp(outcome: GaveUp, why: Failure): void {
    if (outcome === 'late') {
      this.stored(ResponseCode.FLUSH_DISK_TIMEOUT, why.message);
      return;
    }
    const connection = this.#connection as RemotingConnection;
    if (connection.isUsable) {
      const { code, remark } = refusalOf(why, 'message');
      writeCommand(connection.output, {
        code,
        remark: outcome === 'unknown' ? `outcome unknown: ${remark}` : remark,
        opaque: this.#opaque,
        flag: CommandFlag.RESPONSE,
        encoding: this.#encoding,
      });
      connection.wantsFlush();
    }
    this.#release();
  }

  #release(): void {
    this.#connection = undefined;
    this.#pool.put(this);
  }
}

/** Keeps the answers that are not in use. */
export class PendingSendPool {
  readonly statistics: Statistics;
  /** What a master without an in-sync follower says with what it acknowledges. */
  readonly loneliness: () => string | undefined;
  readonly #settings: SendAnswerSettings;
  readonly #free: PendingSend[] = [];

  constructor(
    settings: SendAnswerSettings,
    statistics: Statistics,
    loneliness: () => string | undefined,
  ) {
    this.#settings = settings;
    this.statistics = statistics;
    this.loneliness = loneliness;
  }

  take(): PendingSend {
    this.statistics.waitingSends++;
    return this.#free.pop() ?? new PendingSend(this, this.#settings);
  }

  put(answer: PendingSend): void {
    this.statistics.waitingSends--;
    this.#free.push(answer);
  }
}
