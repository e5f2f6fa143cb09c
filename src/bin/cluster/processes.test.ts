import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { markOf, signalProcess, stateOf } from './processes.ts';

test('a process is running, and dead once it has ended', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
  const mark = markOf(child.pid ?? 0);
  assert(mark !== undefined);
  assert.equal(stateOf(mark), 'running');
  assert(signalProcess(mark, 'SIGKILL'));
  await once(child, 'exit');
  assert.equal(stateOf(mark), 'dead');
  assert(!signalProcess(mark, 'SIGKILL'));
});

test('a process that only has the number of one that is gone is never signalled', () => {
  const own = markOf(process.pid);
  assert(own !== undefined);
  const earlier = { ...own, began: `${own.began}0` };
  assert.equal(stateOf(earlier), 'dead');
  assert(!signalProcess(earlier, 'SIGKILL'));
});

test('no mark is a dead process', () => {
  assert.equal(stateOf(undefined), 'dead');
  assert(!signalProcess(undefined, 'SIGTERM'));
});
