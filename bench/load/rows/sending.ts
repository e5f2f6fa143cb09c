import { freePorts } from '../../../test/interop/support/processes.ts';
import type { LoadReport } from '../../../test/process/load-generator.ts';
import { type LoadAims, loadFigures } from '../figures.ts';
import { atLeast, atMost, type Bench, type Figure, type Row } from '../row.ts';
import { alternate, load, startContest } from '../servers.ts';

const busy = ['send', '-c', '8', '-w', '8'];

export const sendAsync: Row = {
  name: 'send-async',
  title: 'send, asynchronous flush, 8 connections x 8 in flight; the limit is `loadgen echo`',
  async run(bench) {
    await using contest = await startContest(bench, { flushDiskType: 'ASYNC_FLUSH' });
    const echo = await echoReports(bench);
    const reports = await alternate(bench, contest, busy);
    return loadFigures(
      'send',
      'message',
      { ...reports, echo },
      {
        rate: [atLeast(3, 'java')],
        p99: [atMost(1 / 3, 'java')],
        cpu: [atMost(7), atMost(4, 'echo')],
      },
    );
  },
};

/** The same frames to a server that acknowledges everything and stores nothing. */
async function echoReports(bench: Bench): Promise<readonly LoadReport[]> {
  const broker = `127.0.0.1:${await freePorts()}`;
  using echo = bench.loadGenerator.echo(broker);
  const reports = [];
  for (let round = 1; round <= bench.rounds; round += 1) {
    bench.progress(`round ${round} of ${bench.rounds}: echo`);
    const server = { broker, pid: echo.pid };
    const { seconds } = bench;
    reports.push(await load(bench, server, [...busy, '--no-create'], { seconds, warm: 1 }));
  }
  return reports;
}

export const sendSync: Row = {
  name: 'send-sync',
  title: 'send, synchronous flush, 8 x 8',
  run: (bench) => send(bench, 'SYNC_FLUSH', [['send', busy]]),
};

export const send64: Row = {
  name: 'send-64',
  title: 'send, asynchronous flush, 64 x 1 and 64 x 8',
  run: (bench) =>
    send(bench, 'ASYNC_FLUSH', [
      ['send 64 x 1', ['send', '-c', '64', '-w', '1']],
      ['send 64 x 8', ['send', '-c', '64', '-w', '8']],
    ]),
};

async function send(
  bench: Bench,
  flushDiskType: string,
  loads: readonly (readonly [string, readonly string[]])[],
): Promise<readonly Figure[]> {
  await using contest = await startContest(bench, { flushDiskType });
  const aims: LoadAims = { rate: [atLeast(2, 'java')] };
  const figures: Figure[] = [];
  for (const [what, args] of loads) {
    figures.push(...loadFigures(what, 'message', await alternate(bench, contest, args), aims));
  }
  return figures;
}
