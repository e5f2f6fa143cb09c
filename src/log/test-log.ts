/** What tests of the log share: a simulated node, small segments, and records that tell who wrote them. */
import { strict as assert } from 'node:assert';
import { crc32 } from 'node:zlib';
import { ProcessDied, type SimNode, SimWorld } from '../../test/sim/ports/index.ts';
import {
  type Disk,
  Failure,
  type FailureReason,
  isFailure,
  type Logger,
  type PhysicalOffset,
  silentLogger,
  timestampMs,
} from '../base/index.ts';
import { bodyCrc, bodyRangeAt, encodeStoredMessage, storedMessageSize } from '../wire/index.ts';
import { CommitLog, type CommitLogOptions } from './commit-log.ts';
import { EPOCH_TOPIC } from './epochs.ts';

export const small = {
  folder: '/store',
  segmentBytes: 4096,
  maxRecordBytes: 1024,
  tailBytes: 2048,
  chunkBytes: 1024,
  blockBytes: 256,
  syncedMarkIntervalMs: 20,
} satisfies CommitLogOptions;

export interface TestRecord {
  readonly position: number;
  readonly size: number;
  readonly body: string;
  /** CRC-32 of all of it. */
  readonly sum: number;
}

const topicBytes = Buffer.from('T');
const noBytes = new Uint8Array(0);
const host = Uint8Array.of(127, 0, 0, 1, 0, 0, 42, 159);
/** Of a record with an empty body. */
export const emptyRecordBytes = storedMessageSize(topicBytes.length, 0, 0);

/** A log on a simulated node; every call runs the world until it is done. */
export class TestLog {
  readonly world: SimWorld;
  readonly node: SimNode;
  readonly options: CommitLogOptions;
  /** What was warned of. */
  readonly warnings: string[] = [];
  readonly logger: Logger = {
    ...silentLogger,
    warn: (message) => void this.warnings.push(message),
  };
  #log: CommitLog | undefined;
  #timestamp = 1000;

  constructor(seed: number | string = 1, options: Partial<CommitLogOptions> = {}) {
    this.world = new SimWorld(seed);
    this.node = this.world.node('n');
    this.options = { ...small, ...options };
  }

  get log(): CommitLog {
    assert(this.#log !== undefined, 'opened');
    return this.#log;
  }

  async open(
    around: (disk: Disk) => Disk = (disk) => disk,
    trustsSystem = false,
  ): Promise<CommitLog> {
    const { disk, clock } = this.node;
    const ports = { disk: around(disk), clock, logger: this.logger };
    this.#log = await this.complete(CommitLog.open(this.options, ports, trustsSystem));
    return this.#log;
  }

  async complete<T>(promise: Promise<T>): Promise<T> {
    return await this.world.complete(promise);
  }

  /** Also lets what goes on in the background come to an end. */
  async idle(): Promise<void> {
    await this.world.run({ forMs: 200 });
  }

  crash(powerLoss: boolean): void {
    this.node.crash({ powerLoss });
    this.node.restart();
  }

  append(body: string | Uint8Array, topic: Uint8Array = topicBytes): TestRecord {
    const timestamp = ++this.#timestamp;
    return appendTo(this.log, Buffer.from(body), { topic, timestamp });
  }

  /** As soon as the next segment is there, if it needs that. */
  async appendSoon(body: string): Promise<TestRecord> {
    for (;;) {
      try {
        return this.append(body);
      } catch (error) {
        if (!isFailure(error, 'unavailable', 'busy')) throw error;
        await this.world.run({ forMs: 10 });
      }
    }
  }

  get lastTimestamp(): number {
    return this.#timestamp;
  }

  /** All records of the log. */
  async records(): Promise<TestRecord[]> {
    return await this.complete(recordsOf(this.log));
  }

  file(base: number): string {
    return `/store/commitlog/${String(base).padStart(20, '0')}`;
  }
}

export interface MoreOfARecord {
  readonly topic?: Uint8Array;
  readonly properties?: Uint8Array;
  readonly timestamp?: number;
}

export function appendTo(log: CommitLog, body: Uint8Array, more: MoreOfARecord = {}): TestRecord {
  const { topic = topicBytes, properties = noBytes } = more;
  const { timestamp = log.lastStoreTimestamp + 1 } = more;
  const size = storedMessageSize(topic.length, properties.length, body.length);
  log.reserve(size);
  const { position, target, targetAt } = log;
  encodeRecord(log, targetAt, position, body, { topic, properties, timestamp });
  log.publish(timestampMs(timestamp));
  const sum = crc32(target.subarray(targetAt, targetAt + size));
  return { position, size, body: Buffer.from(body).toString(), sum };
}

/** Writes a record into the place that was reserved; several in one reservation make a batch. */
export function encodeRecord(
  target: { readonly target: Uint8Array; readonly targetView: DataView },
  at: number,
  position: number,
  body: Uint8Array,
  more: MoreOfARecord = {},
): void {
  const { topic = topicBytes, properties = noBytes, timestamp = 1000 } = more;
  encodeStoredMessage(target.target, target.targetView, at, {
    queueId: 0,
    flag: 0,
    queueOffset: 0,
    physicalOffset: position,
    sysFlag: 0,
    bornTimestamp: timestamp,
    bornHost: host,
    storeTimestamp: timestamp,
    storeHost: host,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body,
    bodyCrc: bodyCrc(body),
    topic,
    properties,
    propertiesLength: properties.length,
  });
}

export const epochTopicBytes = Buffer.from(EPOCH_TOPIC);

export async function recordsOf(
  log: CommitLog,
  from: PhysicalOffset = log.begin,
): Promise<TestRecord[]> {
  const records: TestRecord[] = [];
  await log.scan(from, log.written, ({ bytes, at, size, position }) => {
    const body = bodyRangeAt(bytes, at);
    const text = Buffer.from(bytes.subarray(body.start, body.end)).toString();
    records.push({ position, size, body: text, sum: crc32(bytes.subarray(at, at + size)) });
  });
  return records;
}

/** Runs a script until it ends, the node dies, or it fails otherwise; tells whether the node died. */
export async function runToCrash(test: TestLog, script: () => Promise<void>): Promise<boolean> {
  let done = false;
  let failure: unknown;
  script().then(
    () => {
      done = true;
    },
    (error: unknown) => {
      failure = error;
      done = true;
    },
  );
  const { node } = test;
  await test.world.run({ until: () => done || !node.alive });
  if (!node.alive) return true;
  if (failure !== undefined && !(failure instanceof ProcessDied)) throw failure;
  return false;
}

export function isFailureOf(kind: Failure['kind'], reason?: FailureReason, message?: RegExp) {
  return (error: unknown): true => {
    assert(error instanceof Failure, String(error));
    assert.equal(error.kind, kind, error.message);
    if (reason !== undefined) assert.equal(error.reason, reason, error.message);
    if (message !== undefined) assert.match(error.message, message);
    return true;
  };
}
