import { setTimeout as sleep } from 'node:timers/promises';
import { figure, type Reading } from '../figures.ts';
import { atMost, type Row } from '../row.ts';
import { alternate, inRounds, residentMb, startContest } from '../servers.ts';

const topics = '100';
const settleMs = 5000;

const peakMb: Reading = ({ servers }) => servers[0]?.peakRssMb ?? Number.NaN;

export const memory: Row = {
  name: 'memory',
  title: 'resident memory: idle with 100 topics, and the peak under the send load, 8 x 8',
  async run(bench) {
    await using contest = await startContest(bench);
    const idle = await inRounds(bench, 1, contest, async ({ broker, pid }) => {
      await bench.loadGenerator.measure(['create-topics', '-a', broker, '-n', topics], 60_000);
      await sleep(settleMs);
      return residentMb(pid);
    });
    const sending = await alternate(bench, contest, ['send', '-c', '8', '-w', '8']);
    return [
      { what: 'idle', unit: 'MB', values: idle, aims: [atMost(150)] },
      figure('under the send load, peak', 'MB', sending, peakMb, [atMost(350)]),
    ];
  },
};
