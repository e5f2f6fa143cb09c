import * as shape from '../shape.ts';
import { Histogram } from './histogram.ts';

const Latency = shape.record({
  p50: shape.decimal,
  p90: shape.decimal,
  p99: shape.decimal,
  p999: shape.decimal,
  max: shape.decimal,
});

export const BenchReport = shape.record({
  /** `progress` is about the time since the last report, `result` about all of it. */
  kind: shape.text,
  /** Since counting began. */
  seconds: shape.decimal,
  /** Messages or definitions that were acknowledged or received. */
  count: shape.long,
  perSecond: shape.decimal,
  /** Of bodies. */
  mebibytesPerSecond: shape.decimal,
  failed: shape.long,
  /** Names of response codes, and what else went wrong, with their numbers. */
  failures: shape.list(shape.record({ reason: shape.text, count: shape.long })),
  /** What `latencyMs` is about. */
  measured: shape.text,
  latencyMs: Latency,
  /** Time that this process computed, as a share of one core: near 1 it measures itself. */
  clientBusy: shape.decimal,
});
export type BenchReport = shape.ShapeOf<typeof BenchReport>;

/** What happened since counting began, and since the last report. */
export class Tally {
  readonly #measured: string;
  #total = new Counts();
  #recent = new Counts();
  #failures = 0;
  #firstFailure: unknown;

  constructor(measured: string) {
    this.#measured = measured;
  }

  get count(): number {
    return this.#total.count;
  }

  /** Also those before counting began. */
  get failures(): number {
    return this.#failures;
  }

  get firstFailure(): unknown {
    return this.#firstFailure;
  }

  /** Units of work that succeeded together. */
  done(units: number, bytes: number): void {
    this.#total.done(units, bytes);
    this.#recent.done(units, bytes);
  }

  took(durationMs: number): void {
    this.#total.latency.record(durationMs);
    this.#recent.latency.record(durationMs);
  }

  failed(reason: string, error: unknown): void {
    this.#firstFailure ??= error;
    this.#failures += 1;
    this.#total.failed(reason);
    this.#recent.failed(reason);
  }

  restart(): void {
    this.#total = new Counts();
    this.#recent = new Counts();
  }

  /** Begins a new stretch. */
  progress(seconds: number, stretchSeconds: number, clientBusy: number): BenchReport {
    const recent = this.#recent;
    this.#recent = new Counts();
    return recent.report('progress', this.#measured, seconds, stretchSeconds, clientBusy);
  }

  result(seconds: number, clientBusy: number): BenchReport {
    return this.#total.report('result', this.#measured, seconds, seconds, clientBusy);
  }
}

class Counts {
  readonly latency = new Histogram();
  readonly #failures = new Map<string, number>();
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  done(units: number, bytes: number): void {
    this.#count += units;
    this.#bytes += bytes;
  }

  failed(reason: string): void {
    this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1);
  }

  report(
    kind: 'progress' | 'result',
    measured: string,
    seconds: number,
    stretchSeconds: number,
    clientBusy: number,
  ): BenchReport {
    const failures = [...this.#failures].map(([reason, count]) => ({ reason, count }));
    return {
      kind,
      seconds,
      count: this.#count,
      perSecond: this.#count / stretchSeconds,
      mebibytesPerSecond: this.#bytes / stretchSeconds / 2 ** 20,
      failed: failures.reduce((sum, { count }) => sum + count, 0),
      failures,
      measured,
      latencyMs: {
        p50: this.latency.percentileMs(0.5),
        p90: this.latency.percentileMs(0.9),
        p99: this.latency.percentileMs(0.99),
        p999: this.latency.percentileMs(0.999),
        max: this.latency.maxMs,
      },
      clientBusy,
    };
  }
}
