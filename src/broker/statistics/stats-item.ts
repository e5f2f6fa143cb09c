import { type Ticks, tickMs } from './ticks.ts';

/** Sum and rate of a window, and the mean of one call. Source: `StatsSnapshot`. */
export interface Snapshot {
  readonly sum: number;
  /** Per second. */
  readonly tps: number;
  readonly avgpt: number;
}

interface Window {
  /** Ticks between two samples. */
  readonly every: number;
  /** Kept at most; the window spans one interval less. */
  readonly samples: number;
}

/** Windows of RocketMQ: a minute in steps of 10 s, an hour in steps of 10 minutes, a day in steps of an hour. */
const minute: Window = { every: 1, samples: 7 };
const hour: Window = { every: 60, samples: 7 };
const day: Window = { every: 360, samples: 25 };

const nothing: Snapshot = { sum: 0, tps: 0, avgpt: 0 };
/** Pairs of value and times, oldest first; shared by all items that were not sampled yet, never changed. */
const noSamples: number[] = [];

/**
 * A sum that only grows, and how it grew of late. Samples are taken by looking back: until an item changes, all samples
 * that were due since its last change are its present value. Source: `StatsItem`.
 */
export class StatsItem {
  value = 0;
  /** Calls that made up the value. */
  times = 0;
  readonly #ticks: Ticks;
  /** Samples are taken up to here. */
  #tick: number;
  #minute = noSamples;
  #hour = noSamples;
  #day = noSamples;

  constructor(ticks: Ticks) {
    this.#ticks = ticks;
    this.#tick = ticks.now;
  }

  add(value: number, times: number): void {
    if (this.#tick !== this.#ticks.now) this.#sample();
    this.value += value;
    this.times += times;
  }

  lastMinute(): Snapshot {
    this.#sample();
    return snapshot(this.#minute, minute);
  }

  lastHour(): Snapshot {
    this.#sample();
    return snapshot(this.#hour, hour);
  }

  lastDay(): Snapshot {
    this.#sample();
    return snapshot(this.#day, day);
  }

  #sample(): void {
    const from = this.#tick;
    const to = this.#ticks.now;
    if (from === to) return;
    this.#tick = to;
    this.#minute = this.#sampled(this.#minute, minute, from, to);
    this.#hour = this.#sampled(this.#hour, hour, from, to);
    this.#day = this.#sampled(this.#day, day, from, to);
  }

  #sampled(samples: number[], { every, samples: most }: Window, from: number, to: number) {
    const due = Math.floor(to / every) - Math.floor(from / every);
    if (due === 0) return samples;
    // The first sample comes with one before it, when there was nothing.
    const all = samples.length === 0 ? [0, 0] : samples;
    for (let count = Math.min(due, most); count > 0; count--) all.push(this.value, this.times);
    if (all.length > 2 * most) all.splice(0, all.length - 2 * most);
    return all;
  }
}

function snapshot(samples: readonly number[], { every }: Window): Snapshot {
  const last = samples.length - 2;
  if (last <= 0) return nothing;
  const sum = at(samples, last) - at(samples, 0);
  const times = at(samples, last + 1) - at(samples, 1);
  return {
    sum,
    tps: (sum * 1000) / ((last / 2) * every * tickMs),
    avgpt: times > 0 ? sum / times : 0,
  };
}

function at(samples: readonly number[], index: number): number {
  return samples[index] as number;
}
