import {
  type Clock,
  type Disk,
  Failure,
  type HttpServers,
  type Logger,
  type ProcessMeter,
} from '../../base/index.ts';
import type { Store } from '../../views/index.ts';
import type { InSync } from '../replication/in-sync.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { Histogram } from '../statistics/histogram.ts';
import type { Statistics } from '../statistics/statistics.ts';
import type { Topics } from '../topics.ts';
import { apacheMetrics } from './apache-metrics.ts';
import { MetricsServer } from './metrics-server.ts';
import { ownMetrics } from './own-metrics.ts';

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

interface MetricsParts {
  readonly store: Store;
  readonly inSync: InSync;
  readonly statistics: Statistics;
  readonly topics: Topics;
  readonly sessions: Sessions;
  readonly connections: () => number;
  readonly suspendedPulls: () => number;
  readonly earliestTimestamp: () => Promise<number>;
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

/** Serves the metrics of a broker, if it was told to. Fails `unavailable`/`addressInUse`. */
export async function startMetrics(
  options: MetricsOptions,
  parts: MetricsParts,
  ports: MetricsPorts,
): Promise<MetricsServer | undefined> {
  if (options.metricsExporter === 'DISABLE') return undefined;
  const { http, clock, disk, logger } = ports;
  if (http === undefined) throw new Failure('invalid', 'metrics need a server for HTTP');
  const { store, sessions } = parts;
  const fsyncSeconds = new Histogram(fsyncBounds);
  store.onFsync = (tookMs) => fsyncSeconds.add(tookMs / 1000);
  const meter = ports.startProcessMeter?.();
  const metrics = [
    ...apacheMetrics({
      ...parts,
      clock,
      consumers: sessions.consumers,
      producers: sessions.producers,
      permission: () => options.permission,
      disk: () => disk.usage(options.storePath),
    }),
    ...ownMetrics({ ...parts, fsyncSeconds, process: meter }),
  ];
  const { clusterName, brokerName } = options;
  const common = { cluster: clusterName, node_id: brokerName, node_type: 'broker' };
  const at = { host: options.metricsHost ?? options.bindAddress, port: options.metricsPort };
  const stopMeter = (): void => meter?.stop();
  return await MetricsServer.listen(at, { metrics, common }, { http, clock, logger }, stopMeter);
}
