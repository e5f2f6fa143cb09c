import { type Clock, type Disk, isFailure, type PhysicalOffset } from '../../base/index.ts';
import type { Answer } from '../../remoting/index.ts';
import type { Store } from '../../views/index.ts';
import {
  KVTable,
  ownVersion,
  ResponseCode,
  smallestRecordBytes,
  storeTimestampAt,
} from '../../wire/index.ts';
import type { InSync } from '../replication/in-sync.ts';
import { ratesText, sumOfRatesText } from '../statistics/rates.ts';
import type { Statistics } from '../statistics/statistics.ts';

/** Version that tools show. */
const versionDescription = 'V5_3_3';

/** Without thread pools no request waits in a queue; capacities are what RocketMQ states by default. */
const threadPoolCapacities = {
  send: 10_000,
  pull: 100_000,
  litePull: 100_000,
  query: 20_000,
  ack: 100_000,
};
const transactionQueueCapacity = 100_000;
/** As of a RocketMQ broker without a pool of transient buffers. */
const transientBuffers = 2 ** 31 - 1;

interface RuntimeInfoParts {
  readonly store: Store;
  readonly inSync: InSync;
  readonly statistics: Statistics;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly suspendedPulls: () => number;
  /** Of each delay level: what is delivered next, and the end of its queue. */
  readonly delayPositions: () => Iterable<{
    readonly level: number;
    readonly next: number;
    readonly end: number;
  }>;
}

/**
 * GET_BROKER_RUNTIME_INFO (28): what `broker info`, `mqadmin brokerStatus` and `clusterList`, dashboards and the
 * exporter read. All values are text, worded as RocketMQ words them, since tools parse them. Source:
 * `AdminBrokerProcessor.prepareRuntimeInfo`, `StoreStatsService.getRuntimeInfo`.
 */
export class RuntimeInfo {
  readonly #options: { readonly storePath: string; readonly acceptSendsFrom: number };
  readonly #parts: RuntimeInfoParts;
  /** Store time of the first record of the log, by where the log begins. */
  #earliest: { readonly begin: PhysicalOffset; readonly timestamp: number } | undefined;

  constructor(
    options: { readonly storePath: string; readonly acceptSendsFrom: number },
    parts: RuntimeInfoParts,
  ) {
    this.#options = options;
    this.#parts = parts;
  }

  async answer(): Promise<Answer> {
    const table = new Map<string, string>([
      ...this.#identity(),
      ...this.#messages(),
      ...this.#log(),
      ...(await this.#disk()),
      ...this.#totals(),
      ...this.#replication(),
      ...this.#delays(),
      ...queues(),
      ['earliestMessageTimeStamp', String(await this.earliestTimestamp())],
    ]);
    return { code: ResponseCode.SUCCESS, body: KVTable.encode({ table }) };
  }

  /** When the oldest record of the log was stored. */
  async earliestTimestamp(): Promise<number> {
    const { log } = this.#parts.store;
    const { begin } = log;
    if (this.#earliest?.begin !== begin) {
      try {
        const record = await log.read(begin, smallestRecordBytes);
        this.#earliest = { begin, timestamp: storeTimestampAt(record, 0) };
      } catch (error) {
        if (!isFailure(error)) throw error;
        return -1; // Retention was faster, or the file cannot be read: nothing that a reader of figures could do.
      }
    }
    return this.#earliest.timestamp;
  }

  #identity(): [string, string][] {
    const { statistics, clock } = this.#parts;
    const { startedAt } = statistics;
    return [
      ['bootTimestamp', String(startedAt)],
      ['brokerActive', 'true'],
      ['brokerVersion', String(ownVersion)],
      ['brokerVersionDesc', versionDescription],
      ['runtime', runtimeText(clock.now() - startedAt)],
      ['startAcceptSendRequestTimeStamp', String(this.#options.acceptSendsFrom)],
    ];
  }

  /** Ours, as positions and digest are. */
  #replication(): [string, string][] {
    const { inSync } = this.#parts;
    return [
      ['groupReplicas', String(inSync.replicas)],
      ['inSyncReplicas', String(inSync.count)],
      ['metadataMinInSyncReplicas', String(inSync.metadataMinimum)],
      ['degraded', inSync.whyNoDefinitions() ?? inSync.loneliness ?? 'no'],
    ];
  }

  #delays(): [string, string][] {
    return [...this.#parts.delayPositions()].map(({ level, next, end }) => [
      `scheduleMessageOffset_${level}`,
      `${next},${end}`,
    ]);
  }

  #messages(): [string, string][] {
    const { statistics } = this.#parts;
    const { putTimes, brokerPuts, brokerPutBytes } = statistics;
    const { putRates, foundRates, missRates, transferredRates } = statistics;
    const transferred = ratesText(transferredRates);
    return [
      ['putMessageTimesTotal', String(brokerPuts.value)],
      ['putMessageFailedTimes', String(statistics.failedPuts)],
      ['putMessageSizeTotal', String(brokerPutBytes.value)],
      ['putMessageAverageSize', doubleText(brokerPutBytes.value / Math.max(1, brokerPuts.value))],
      ['putMessageEntireTimeMax', String(putTimes.longestMs)],
      ['putMessageDistributeTime', putTimes.distribution()],
      ['putLatency99', putTimes.percentile99.toFixed(2)],
      ['putLatency999', putTimes.percentile999.toFixed(2)],
      ['getMessageEntireTimeMax', String(statistics.longestGetMs)],
      ['dispatchMaxBuffer', '0'],
      ['putTps', ratesText(putRates)],
      ['getFoundTps', ratesText(foundRates)],
      ['getMissTps', ratesText(missRates)],
      ['getTotalTps', sumOfRatesText(foundRates, missRates)],
      ['getTransferredTps', transferred],
      // What tools of 4.x and the exporter ask for.
      ['getTransferedTps', transferred],
    ];
  }

  #log(): [string, string][] {
    const { log, tables, epoch, commitPoint, durablePoint } = this.#parts.store;
    return [
      ['commitLogMinOffset', String(log.begin)],
      ['commitLogMaxOffset', String(log.end)],
      ['remainHowManyDataToCommit', byteText(log.end - log.written)],
      ['remainHowManyDataToFlush', byteText(log.end - log.synced)],
      ['remainTransientStoreBufferNumbs', String(transientBuffers)],
      // Queues and index grow with the log, in the same turn.
      ['dispatchBehindBytes', '0'],
      ['pageCacheLockTimeMills', '0'],
      ['epoch', String(epoch)],
      ['commitPoint', String(commitPoint)],
      ['durablePoint', String(durablePoint)],
      ['appliedPosition', String(tables.appliedPosition)],
      ['metadataDigest', tables.digest('applied').total],
      ['suspendedPulls', String(this.#parts.suspendedPulls())],
    ];
  }

  async #disk(): Promise<[string, string][]> {
    const { storePath } = this.#options;
    try {
      const { totalBytes, freeBytes } = await this.#parts.disk.usage(storePath);
      const ratio = doubleText(Math.round((1 - freeBytes / totalBytes) * 100) / 100);
      return [
        ['commitLogDiskRatio', ratio],
        [`commitLogDiskRatio_${storePath}/commitlog`, ratio],
        ['consumeQueueDiskRatio', ratio],
        ['commitLogDirCapacity', `Total : ${byteText(totalBytes)}, Free : ${byteText(freeBytes)}.`],
      ];
    } catch (error) {
      if (!isFailure(error)) throw error;
      return []; // The other figures are worth telling all the same.
    }
  }

  #totals(): [string, string][] {
    const { dailyPuts, dailyGets, putsWithoutSystem, getsWithoutSystem } = this.#parts.statistics;
    return [
      ['msgPutTotalYesterdayMorning', String(dailyPuts.yesterdayMorning)],
      ['msgPutTotalTodayMorning', String(dailyPuts.todayMorning)],
      ['msgPutTotalTodayNow', String(putsWithoutSystem.value)],
      ['msgGetTotalYesterdayMorning', String(dailyGets.yesterdayMorning)],
      ['msgGetTotalTodayMorning', String(dailyGets.todayMorning)],
      ['msgGetTotalTodayNow', String(getsWithoutSystem.value)],
    ];
  }
}

function queues(): [string, string][] {
  const pools = Object.entries(threadPoolCapacities).flatMap(
    ([pool, capacity]): [string, string][] => [
      [`${pool}ThreadPoolQueueSize`, '0'],
      [`${pool}ThreadPoolQueueCapacity`, String(capacity)],
      [`${pool}ThreadPoolQueueHeadWaitTimeMills`, '0'],
    ],
  );
  return [
    ...pools,
    ['EndTransactionQueueSize', '0'],
    ['EndTransactionThreadPoolQueueCapacity', String(transactionQueueCapacity)],
    ['timerReadBehind', '0'],
    ['timerOffsetBehind', '0'],
    ['timerCongestNum', '0'],
    ['timerEnqueueTps', '0.0'],
    ['timerDequeueTps', '0.0'],
  ];
}

/** As RocketMQ words it. */
function runtimeText(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1000);
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  return `[ ${days} days, ${hours} hours, ${minutes} minutes, ${seconds % 60} seconds ]`;
}

/** As `MixAll.humanReadableByteCount`: `0 B`, `4.3 KiB`. */
function byteText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(6, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${'KMGTPE'[power - 1]}iB`;
}

function doubleText(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}
