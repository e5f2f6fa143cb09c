/**
 * Speed and size of Holdfast beside the newest Java broker on this machine, in one run: the rows of the table in
 * docs/performance.md, each with servers of its own, rounds that alternate between them, and the ratio of the medians.
 *
 *   npm run bench -- --list                     the rows
 *   npm run bench                               all of them, about 20 minutes
 *   npm run bench -- --row send-async           one; may be repeated
 *   npm run bench -- --quick                    a few seconds a row: shows that it works, measures nothing
 *   npm run bench -- --row steady --minutes 60  the steady load for an hour
 *   npm run bench -- --row join --gigabytes 10  an empty node copies a log of 10 GB
 *   npm run bench -- --json FILE                everything that was measured, too
 *   npm run bench -- --without-java             no Java broker, and no ratios to it
 *   --rounds N, --seconds S, --warm S           how often and how long
 *
 * HOLDFAST_PROGRAM names another build of Holdfast, HOLDFAST_JAVA_LAB the lab of Java servers, HOLDFAST_LOADGEN_DIR
 * the load generator (both in ../shared by default; they need Linux, Java 17, Maven and a C compiler). `loadgen` says
 * how its figures come about: in short, only code 0 counts, latency starts at the intended start, and CPU is user and
 * system time of the server. A run with much "cores of everybody else" is no measurement. Status 1: a row failed;
 * aims that were missed are printed and change nothing.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { LoadGenerator } from '../../test/process/load-generator.ts';
import { listOfRows, machine, type RowResult, resultAsJson, resultAsTable } from './report.ts';
import type { Bench, Row } from './row.ts';
import { rows } from './rows.ts';

const { values } = parseArgs({
  options: {
    list: { type: 'boolean', default: false },
    row: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    warm: { type: 'string' },
    minutes: { type: 'string' },
    gigabytes: { type: 'string' },
    json: { type: 'string' },
    'without-java': { type: 'boolean', default: false },
  },
});

const usual = { rounds: 3, seconds: 5, warmSeconds: 12, minutes: 2, gigabytes: 1, scale: 1 };
const quick = { rounds: 1, seconds: 1, warmSeconds: 1, minutes: 0.1, gigabytes: 1, scale: 0.02 };

type NumberOption = 'rounds' | 'seconds' | 'warm' | 'minutes' | 'gigabytes';

function number(name: NumberOption, otherwise: number): number {
  const given = Number(values[name] ?? otherwise);
  if (!(given > 0)) throw new Error(`--${name} ${values[name]} is no positive number`);
  return given;
}

function chosenRows(): readonly Row[] {
  const wanted = values.row ?? rows.map(({ name }) => name);
  const unknown = wanted.filter((name) => !rows.some((row) => row.name === name));
  if (unknown.length > 0) throw new Error(`no row ${unknown.join(', ')}; see --list`);
  return rows.filter(({ name }) => wanted.includes(name));
}

async function measure(row: Row, bench: Bench): Promise<RowResult> {
  const began = performance.now();
  const { name, title } = row;
  const seconds = (): number => (performance.now() - began) / 1000;
  bench.progress(title);
  try {
    const figures = await row.run(bench);
    return { row: name, title, seconds: seconds(), figures };
  } catch (error) {
    const failure = String(error instanceof Error ? (error.stack ?? error) : error);
    return { row: name, title, seconds: seconds(), figures: [], failure };
  }
}

async function main(): Promise<void> {
  const chosen = chosenRows();
  const defaults = values.quick ? quick : usual;
  const loadGenerator = await LoadGenerator.build();
  const results: RowResult[] = [];
  console.log(Object.values(machine()).join(', '));
  for (const row of chosen) {
    const result = await measure(row, {
      loadGenerator,
      rounds: number('rounds', defaults.rounds),
      seconds: number('seconds', defaults.seconds),
      warmSeconds: number('warm', defaults.warmSeconds),
      minutes: number('minutes', defaults.minutes),
      gigabytes: number('gigabytes', defaults.gigabytes),
      scale: defaults.scale,
      java: !values['without-java'],
      progress: (line) => console.error(`${row.name}: ${line}`),
    });
    results.push(result);
    console.log(`\n${resultAsTable(result)}`);
    // After each row, so that what was measured is not lost with a later one.
    if (values.json !== undefined) {
      const all = { machine: machine(), rows: results.map(resultAsJson) };
      writeFileSync(values.json, `${JSON.stringify(all, undefined, 2)}\n`);
    }
  }
  if (results.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}

if (values.list) console.log(listOfRows(rows));
else await main();
