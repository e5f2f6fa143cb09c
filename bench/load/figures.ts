import type { LoadReport } from '../../test/process/load-generator.ts';
import { type Aim, type Figure, type Side, sides } from './row.ts';

/** Reports of a load, one of each round. */
export type Reports = Readonly<Partial<Record<Side, readonly LoadReport[]>>>;

export type Reading = (report: LoadReport) => number;

export const rate: Reading = (report) => report.rate;
export const p50: Reading = (report) => report.latencyUs.p50;
export const p99: Reading = (report) => report.latencyUs.p99;
export const p999: Reading = (report) => report.latencyUs.p999;
export const cpu: Reading = ({ servers }) => servers[0]?.cpuUs ?? Number.NaN;
const otherCores: Reading = (report) => report.otherCores;
const generatorCores: Reading = (report) => report.generatorCores;

/** Answers that were no acknowledgement, and requests that got none. Empty pulls of a consumer are no fault. */
export const faults: Reading = ({ codes, timeouts, broken }) =>
  timeouts +
  broken +
  Object.entries(codes)
    .filter(([code]) => !acknowledgements.has(code))
    .reduce((sum, [, count]) => sum + count, 0);

const acknowledgements = new Set(['0', '19', '20', '21']);

/** One quantity of all reports. */
export function figure(
  what: string,
  unit: string,
  reports: Reports,
  read: Reading,
  aims: readonly Aim[] = [],
): Figure {
  const values: Partial<Record<Side, number[]>> = {};
  for (const side of sides) {
    if (reports[side] !== undefined) values[side] = reports[side].map(read);
  }
  return { what, unit, values, aims };
}

/** Which bounds the figures of a load have; each is shown with or without. */
export interface LoadAims {
  readonly rate?: readonly Aim[];
  readonly p50?: readonly Aim[];
  readonly p99?: readonly Aim[];
  readonly cpu?: readonly Aim[];
}

/** What a load tells, in the order of the table. `what` goes before each name, `each` is what CPU is counted for. */
export function loadFigures(
  what: string,
  each: string,
  reports: Reports,
  aims: LoadAims,
): readonly Figure[] {
  const all = Object.values(reports).flat();
  return [
    figure(`${what}: rate`, '/s', reports, rate, aims.rate),
    figure(`${what}: p50`, 'µs', reports, p50, aims.p50),
    figure(`${what}: p99`, 'µs', reports, p99, aims.p99),
    figure(`${what}: p99.9`, 'µs', reports, p999),
    figure(`${what}: CPU per ${each}`, 'µs', reports, cpu, aims.cpu),
    figure(`${what}: cores of the generator`, '', reports, generatorCores),
    figure(`${what}: cores of everybody else`, '', reports, otherCores),
    ...(all.some((report) => faults(report) > 0)
      ? [figure(`${what}: refused or without an answer`, '', reports, faults)]
      : []),
  ];
}
