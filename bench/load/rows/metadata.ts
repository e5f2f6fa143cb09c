import { loadFigures } from '../figures.ts';
import { atLeast, atMost, type Row } from '../row.ts';
import { alternate, startContest } from '../servers.ts';

export const topics: Row = {
  name: 'topics',
  title: 'acknowledged topic creates, each durable: 8 x 8, and one at a time',
  async run(bench) {
    await using contest = await startContest(bench);
    // One at a time first: what a create costs the Java broker grows with the topics there.
    const one = await alternate(bench, contest, ['create-topics', '-c', '1', '-w', '1']);
    const many = await alternate(bench, contest, ['create-topics', '-c', '8', '-w', '8']);
    return [
      ...loadFigures('create 8 x 8', 'topic', many, { rate: [atLeast(5000)] }),
      ...loadFigures('create 1 x 1', 'topic', one, { p50: [atMost(1500)] }),
    ];
  },
};

export const offsets: Row = {
  name: 'offsets',
  title: 'two-way offset commits, 8 x 8',
  async run(bench) {
    await using contest = await startContest(bench);
    const reports = await alternate(bench, contest, ['commit-offsets', '-c', '8', '-w', '8']);
    const aims = { rate: [atLeast(2, 'java')], cpu: [atMost(10)] };
    return loadFigures('commit', 'commit', reports, aims);
  },
};
