import { parseArgs } from 'node:util';
import { killLoop } from './rounds.ts';

/**
 * `node build/test/process/kill-loop.js [--rounds N] [--seed N] [--signal SIGTERM] [--longest MS]`; HOLDFAST_TARGET as
 * for the interop tests. By default 200 times kill -9; 500 orderly stops under load are
 * `--signal SIGTERM --rounds 500 --longest 500`.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    signal: { type: 'string', default: 'SIGKILL' },
    longest: { type: 'string', default: '1500' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const rounds = Number(values.rounds);
const seed = Number(values.seed);
const longestMs = Number(values.longest);
const { signal } = values;
if (![rounds, seed, longestMs].every(Number.isInteger) || rounds < 1 || longestMs < 20) {
  throw new Error('--rounds, --seed and --longest are whole numbers');
}
if (signal !== 'SIGKILL' && signal !== 'SIGTERM') {
  throw new Error('--signal is SIGKILL or SIGTERM');
}
const what = `kill loop: ${rounds} times ${signal}, seed ${seed}`;
console.log(what);
const report = (line: string): void => console.log(line);
const result = await killLoop({ rounds, signal, seed, longestMs, report });
const { messages, topics, groups, faults } = result;
console.log(
  `${what}: acknowledged ${messages} messages, ${topics} topics, ` +
    `${groups} groups; ${faults.length === 0 ? 'nothing lost' : `FAILED: ${faults.join('; ')}`}`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
