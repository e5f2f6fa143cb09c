import {
  type Clock,
  type Disk,
  Failure,
  type HttpServers,
  type Logger,
  type ProcessMeter,
} from '../../base/index.ts';
import type { Store } from '../../views/index.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { Histogram } from '../statistics/histogram.ts';
import type { Statistics } from '../statistics/statistics.ts';
import type { Topics } from '../topics.ts';
import { apacheMetrics } from './apache-metrics.ts';
import type { Metric } from './exposition.ts';
import { MetricsServer } from './metrics-server.ts';
import { processMetrics, storeMetrics } from './own-metrics.ts';
import { type ReplicaParts, replicaMetrics } from './replica-metrics.ts';

export interface MetricsOptions {
  readonly clusterName: string;
  readonly brokerName: string;
  readonly bindAddress: string;
  readonly storePath: string;
  readonly permission: number;
  readonly metricsExporter: 'DISABLE' | 'PROM';
  readonly metricsHost: string | undefined;
  readonly metricsPort: number;
}

/** What is told of an opened store, and of those who use it. */
export interface StoreFigures {
  readonly store: Store;
  readonly statistics: Statistics;
  readonly topics: Topics;
  readonly sessions: Sessions;
  readonly suspendedPulls: () => number;
  readonly earliestTimestamp: () => Promise<number>;
}

interface MetricsParts extends Omit<ReplicaParts, 'clock'> {
  readonly connections: () => number;
}

interface MetricsPorts {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly logger: Logger;
  /** Where there are none, metrics cannot be turned on. */
  readonly http?: HttpServers;
  readonly startProcessMeter?: () => ProcessMeter;
}

/** Seconds, from a fast disk to one that is stuck. */
const fsyncBounds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5];

/**
 * The metrics of a broker, at one address for as long as it lives: of what it is in its group, and of the store that it
 * has open, in whatever role.
 */
export class BrokerMetrics {
  readonly #options: MetricsOptions;
  readonly #ports: MetricsPorts;
  readonly #fsyncSeconds = new Histogram(fsyncBounds);
  readonly #ofProcess: readonly Metric[];
  #ofStore: readonly Metric[] = [];
  #server: MetricsServer | undefined;

  /** Undefined if the broker was not told to serve them. Fails `unavailable`/`addressInUse`. */
  static async start(
    options: MetricsOptions,
    parts: MetricsParts,
    ports: MetricsPorts,
  ): Promise<BrokerMetrics | undefined> {
    if (options.metricsExporter === 'DISABLE') return undefined;
    const { http, clock, logger } = ports;
    if (http === undefined) throw new Failure('invalid', 'metrics need a server for HTTP');
    const meter = ports.startProcessMeter?.();
    const stopMeter = (): void => meter?.stop();
    const metrics = new BrokerMetrics(options, parts, ports, meter);
    const { clusterName, brokerName } = options;
    const common = { cluster: clusterName, node_id: brokerName, node_type: 'broker' };
    const at = { host: options.metricsHost ?? options.bindAddress, port: options.metricsPort };
    const content = { metrics: () => [...metrics.#ofStore, ...metrics.#ofProcess], common };
    metrics.#server = await MetricsServer.listen(at, content, { http, clock, logger }, stopMeter);
    return metrics;
  }

  /** Use `start`. */
  private constructor(
    options: MetricsOptions,
    parts: MetricsParts,
    ports: MetricsPorts,
    meter: ProcessMeter | undefined,
  ) {
    this.#options = options;
    this.#ports = ports;
    const { clock } = ports;
    const { connections } = parts;
    const fsyncSeconds = this.#fsyncSeconds;
    this.#ofProcess = [
      ...replicaMetrics({ ...parts, clock }),
      ...processMetrics({ startedAt: clock.now(), fsyncSeconds, connections, meter }),
    ];
  }

  opened(figures: StoreFigures): void {
    const { store, sessions } = figures;
    const { clock, disk } = this.#ports;
    const options = this.#options;
    store.onFsync = (tookMs) => this.#fsyncSeconds.add(tookMs / 1000);
    this.#ofStore = [
      ...apacheMetrics({
        ...figures,
        clock,
        consumers: sessions.consumers,
        producers: sessions.producers,
        permission: () => options.permission,
        disk: () => disk.usage(options.storePath),
      }),
      ...storeMetrics(figures),
    ];
  }

  /** The store is about to be closed. */
  closed(): void {
    this.#ofStore = [];
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }
}
