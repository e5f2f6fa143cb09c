import type { LoadGenerator } from '../../test/process/load-generator.ts';

/** One line of the table of speed and size: what is measured, and what it should come to. */
export interface Row {
  readonly name: string;
  readonly title: string;
  run(bench: Bench): Promise<readonly Figure[]>;
}

/** How long and how often a row measures. */
export interface Bench {
  readonly loadGenerator: LoadGenerator;
  /** Rounds that alternate between the servers. */
  readonly rounds: number;
  /** Of one measurement. */
  readonly seconds: number;
  /** Load before the first measurement, until compilers have done their work. */
  readonly warmSeconds: number;
  /** Of the steady load. */
  readonly minutes: number;
  /** Of the log that an empty node copies. */
  readonly gigabytes: number;
  /** Part of the messages and topics that a row makes: 1, or less to see that it works. */
  readonly scale: number;
  /** Whether the Java broker is measured too. */
  readonly java: boolean;
  readonly progress: (line: string) => void;
}

export const sides = ['holdfast', 'java', 'echo'] as const;
export type Side = (typeof sides)[number];

/** Values of one quantity, one of each round. */
export interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly values: Readonly<Partial<Record<Side, readonly number[]>>>;
  readonly aims?: readonly Aim[];
}

/** Bounds for the median of Holdfast, or for its ratio to that of another side. */
export interface Aim {
  readonly bound: 'at least' | 'at most';
  readonly value: number;
  /** Absolute without it. */
  readonly times?: Side;
}

export const atLeast = (value: number, times?: Side): Aim => aim('at least', value, times);
export const atMost = (value: number, times?: Side): Aim => aim('at most', value, times);

function aim(bound: Aim['bound'], value: number, times: Side | undefined): Aim {
  return times === undefined ? { bound, value } : { bound, value, times };
}

/** A figure of Holdfast alone. */
export function ours(what: string, unit: string, value: number, aims: readonly Aim[] = []): Figure {
  return { what, unit, values: { holdfast: [value] }, aims };
}
