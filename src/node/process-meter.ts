import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ProcessMeter } from '../base/index.ts';

const resolutionMs = 20;
const nanoseconds = 1e9;
const microseconds = 1e6;

/** Measures this process from now on. */
export function startProcessMeter(): ProcessMeter {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  /** Node counts from one timer to the next, so that a loop without delay shows the resolution. */
  const seconds = (value: number): number =>
    Number.isFinite(value) ? Math.max(0, value / nanoseconds - resolutionMs / 1000) : 0;
  return {
    read() {
      const { rss, heapUsed } = process.memoryUsage();
      const { user, system } = process.cpuUsage();
      const eventLoopDelay = {
        median: seconds(delay.percentile(50)),
        p99: seconds(delay.percentile(99)),
        max: seconds(delay.max),
      };
      delay.reset();
      return {
        residentBytes: rss,
        heapBytes: heapUsed,
        cpuSeconds: (user + system) / microseconds,
        eventLoopDelay,
      };
    },
    stop: () => void delay.disable(),
  };
}
