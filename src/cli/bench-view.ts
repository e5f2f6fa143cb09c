import type { BenchReport } from '../admin/index.ts';
import { oneLine } from './plain-text.ts';
import type { Screen } from './screen.ts';

/** A line for each second, and the result as a table of its own. */
export function benchReport(report: BenchReport, screen: Screen): string {
  const { latencyMs: ms } = report;
  const rate = `${Math.round(report.perSecond).toLocaleString('en')}/s`;
  const volume =
    report.mebibytesPerSecond === 0 ? '' : `${report.mebibytesPerSecond.toFixed(1)} MiB/s`;
  const failed = report.failed === 0 ? '' : screen.bad(`${report.failed} failed`);
  if (report.kind === 'progress') {
    const times = `p50 ${millis(ms.p50)}  p99 ${millis(ms.p99)}  p99.9 ${millis(ms.p999)} ms`;
    const parts = [`${Math.round(report.seconds)} s`.padStart(6), rate.padStart(12)];
    if (volume !== '') parts.push(volume.padStart(12));
    return `${[...parts, times, failed].filter((part) => part !== '').join('  ')}\n`;
  }
  const rows: readonly (readonly [string, string])[] = [
    ['rate', `${screen.strong(rate)} (${report.count} in ${report.seconds.toFixed(1)} s)`],
    ['volume', volume],
    [
      report.measured,
      `p50 ${millis(ms.p50)}  p90 ${millis(ms.p90)}  p99 ${millis(ms.p99)}  p99.9 ${millis(ms.p999)}  max ${millis(ms.max)} ms`,
    ],
    ['this client', `${Math.round(report.clientBusy * 100)} % of a core`],
    ...report.failures.map(
      ({ reason, count }) => ['failed', screen.bad(`${count} x ${oneLine(reason)}`)] as const,
    ),
  ];
  const lines = rows
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${screen.faint(name.padEnd(15))}  ${value}\n`);
  const warning =
    report.clientBusy < busyClient
      ? ''
      : 'This client was busy all the time: run several of them, or fewer in flight.\n';
  return `\n${lines.join('')}${warning}`;
}

/** Above this share of a core the client waits for itself. */
const busyClient = 0.9;

const millis = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
