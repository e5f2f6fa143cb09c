import { join } from 'node:path';
import { temporaryFolder } from '../../../test/interop/support/locations.ts';
import type { LoadGenerator, LoadReport } from '../../../test/process/load-generator.ts';
import { median } from '../report.ts';
import { atLeast, atMost, type Figure, ours, type Row } from '../row.ts';
import { residentMb, startServer } from '../servers.ts';

const messagesPerSecond = 20_000;
/** Of a stored message with a body of 1 KB, about. */
const recordBytes = 1300;
/** Above it the oldest files are deleted while the load goes on, and what is gone cannot be compared any more. */
const maxStoreBytes = 12 * 2 ** 30;
const segmentBytes = 2 ** 28;
const sampleMs = 1000;
const verifyMs = 600_000;

export const steady: Row = {
  name: 'steady',
  title: '20,000 messages a second with consumers, for --minutes: memory, losses, latency',
  async run(bench) {
    const seconds = Math.max(5, Math.round(bench.minutes * 60));
    const isKept = seconds * messagesPerSecond * recordBytes < maxStoreBytes;
    await using folder = await temporaryFolder('steady');
    await using target = await startServer('holdfast', {
      maxStoreBytes: String(maxStoreBytes),
      mappedFileSizeCommitLog: String(segmentBytes),
    });
    const journal = join(folder.path, 'journal');
    bench.progress(`${seconds} s`);
    const memory = new MemorySamples(target.pid);
    const report = await bench.loadGenerator
      .measure(
        [
          ...['mixed', '-a', target.broker, '-p', String(target.pid), '-d', String(seconds)],
          ...['-r', String(messagesPerSecond), ...(isKept ? ['-j', journal] : [])],
        ],
        seconds * 1000 + verifyMs,
      )
      .finally(() => memory.end());
    const lost = isKept ? await lostOf(bench.loadGenerator, target.broker, journal) : [];
    return [
      ours('acknowledged', '/s', report.rate, [atLeast(messagesPerSecond * 0.99)]),
      ours('acknowledged, not consumed', '', notConsumed(report), [atMost(0)]),
      ...lost,
      ours('send: p50', 'µs', report.latencyUs.p50),
      ours('send: p99', 'µs', report.latencyUs.p99),
      ours('send: p99.9', 'µs', report.latencyUs.p999),
      ours('send: longest gap', 'ms', report.longestGapMs),
      ours('end to end: p99', 'µs', report.endToEndUs?.p99 ?? Number.NaN),
      ours('end to end: p99.9', 'µs', report.endToEndUs?.p999 ?? Number.NaN),
      ours('CPU per message, sent and consumed', 'µs', report.servers[0]?.cpuUs ?? Number.NaN),
      ...memory.figures(),
      ours('cores of everybody else', '', report.otherCores),
    ];
  },
};

const notConsumed = ({ ackedTotal, consumedTotal }: LoadReport): number =>
  ackedTotal - (consumedTotal ?? 0);

async function lostOf(
  loadGenerator: LoadGenerator,
  broker: string,
  journal: string,
): Promise<readonly Figure[]> {
  const { faults } = await loadGenerator.verifyMessages(broker, journal);
  return [ours('lost, moved, corrupt or duplicate in the log', '', faults, [atMost(0)])];
}

/** Resident memory, every second. */
class MemorySamples {
  readonly #samples: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#timer = setInterval(() => this.#samples.push(residentMb(pid)), sampleMs);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** The first third is the time in which caches fill and compilers work. */
  figures(): readonly Figure[] {
    const third = Math.floor(this.#samples.length / 3);
    const settled = this.#samples.slice(third);
    const middle = median(this.#samples.slice(third, 2 * third));
    const last = median(this.#samples.slice(2 * third));
    const slope = (slopeOf(settled) * 60_000) / sampleMs;
    return [
      ours('resident memory: median of the second third', 'MB', middle),
      ours('resident memory: median of the last third', 'MB', last, [atMost(middle * 1.05)]),
      ours('resident memory: peak', 'MB', Math.max(...this.#samples)),
      ours('resident memory: slope after the first third', 'MB/min', slope),
    ];
  }
}

/** Least squares: growth from one sample to the next. */
function slopeOf(samples: readonly number[]): number {
  const meanIndex = (samples.length - 1) / 2;
  const meanValue = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  let products = 0;
  let squares = 0;
  samples.forEach((value, index) => {
    products += (index - meanIndex) * (value - meanValue);
    squares += (index - meanIndex) ** 2;
  });
  return products / squares;
}
