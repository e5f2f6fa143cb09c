import { type ProcessMeter, version } from '../../base/index.ts';
import type { Store } from '../../views/index.ts';
import type { Histogram } from '../statistics/histogram.ts';
import type { Statistics } from '../statistics/statistics.ts';
import { gauge } from './apache-metrics.ts';
import { histogramSamples, type Metric } from './exposition.ts';

interface StoreParts {
  readonly store: Store;
  readonly statistics: Statistics;
  readonly suspendedPulls: () => number;
}

/** What operators of Holdfast need to know of a store and RocketMQ has no name for. */
export function storeMetrics({ store, statistics, suspendedPulls }: StoreParts): Metric[] {
  return [
    gauge('holdfast_epoch', 'Epoch in which the broker leads or follows.', () => store.epoch),
    gauge('holdfast_log_begin_position', 'Where the commit log begins.', () => store.log.begin),
    gauge('holdfast_log_end_position', 'Where the commit log ends.', () => store.log.end),
    gauge(
      'holdfast_commit_point',
      'Written on the whole set up to here (C).',
      () => store.commitPoint,
    ),
    gauge(
      'holdfast_durable_point',
      'Fsynced on the whole set up to here (D).',
      () => store.durablePoint,
    ),
    gauge('holdfast_applied_position', 'Metadata is applied up to here.', () => {
      return store.tables.appliedPosition;
    }),
    {
      name: 'holdfast_persisted_position',
      type: 'gauge',
      help: 'The database of a view contains all up to here.',
      samples: () => [
        { labels: { view: 'metadata' }, value: store.tables.persistedPosition },
        { labels: { view: 'queues' }, value: store.queues.persistedPosition },
      ],
    },
    gauge('holdfast_writes_refused', '1 while appends are refused, such as on a full disk.', () => {
      return store.refusal === undefined ? 0 : 1;
    }),
    {
      name: 'holdfast_refused_sends_total',
      type: 'counter',
      help: 'Sends that could not be appended.',
      samples: () => [{ value: statistics.failedPuts }],
    },
    gauge('holdfast_queue_memory_bytes', 'Memory of blocks of queues.', () => {
      return store.queues.memoryBytes;
    }),
    gauge('holdfast_suspended_pulls', 'Pulls that wait for messages.', suspendedPulls),
  ];
}

interface ProcessParts {
  readonly startedAt: number;
  /** Of all stores that were open since. */
  readonly fsyncSeconds: Histogram;
  readonly connections: () => number;
  readonly meter: ProcessMeter | undefined;
}

/** The same of the process, whatever it has open. */
export function processMetrics(parts: ProcessParts): Metric[] {
  const { startedAt, fsyncSeconds, connections, meter } = parts;
  return [
    {
      name: 'holdfast_build_info',
      type: 'gauge',
      help: 'Always 1.',
      samples: () => [{ labels: { version }, value: 1 }],
    },
    gauge('holdfast_start_time_seconds', 'When the broker started.', () => startedAt / 1000),
    {
      name: 'holdfast_fsync_seconds',
      type: 'histogram',
      help: 'How long fsyncs of the commit log took.',
      samples: () => histogramSamples(fsyncSeconds.bounds, fsyncSeconds.counts, fsyncSeconds.sum),
    },
    gauge('holdfast_connections', 'Connections of clients and tools.', connections),
    ...(meter === undefined ? [] : meterMetrics(meter)),
  ];
}

function meterMetrics(meter: ProcessMeter): Metric[] {
  let figures = meter.read();
  return [
    {
      name: 'holdfast_process_resident_bytes',
      type: 'gauge',
      help: 'Resident memory.',
      samples: () => {
        // The first of its kind reads for all: what follows in the same answer is of the same moment.
        figures = meter.read();
        return [{ value: figures.residentBytes }];
      },
    },
    gauge('holdfast_process_heap_bytes', 'Heap in use.', () => figures.heapBytes),
    {
      name: 'holdfast_process_cpu_seconds_total',
      type: 'counter',
      help: 'Processor time.',
      samples: () => [{ value: figures.cpuSeconds }],
    },
    {
      name: 'holdfast_event_loop_delay_seconds',
      type: 'gauge',
      help: 'How late the event loop was since the last reading.',
      samples: () => {
        const { median, p99, max } = figures.eventLoopDelay;
        return [
          { labels: { quantile: '0.5' }, value: median },
          { labels: { quantile: '0.99' }, value: p99 },
          { labels: { quantile: '1' }, value: max },
        ];
      },
    },
  ];
}
