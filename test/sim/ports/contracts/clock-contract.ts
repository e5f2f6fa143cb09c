import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../../../src/base/index.ts';
import type { Subject } from './subject.ts';

export function clockContract({ name, run }: Subject<Clock>): void {
  const check = (what: string, body: (clock: Clock) => Promise<void>): void =>
    void test(`${name}: ${what}`, () => run(body));

  check('wall time is a whole number of this century', async (clock) => {
    assert.ok(Number.isInteger(clock.now()));
    assert.ok(clock.now() > Date.UTC(2020));
  });

  check('a timer runs its action once, not before its delay', async (clock) => {
    const start = clock.monotonicMs();
    let calls = 0;
    const afterMs = await new Promise<number>((resolve) => {
      clock.setTimer(2.5, () => {
        calls++;
        resolve(clock.monotonicMs() - start);
      });
    });
    assert.ok(afterMs >= 2.5, `${afterMs}`);
    await clock.sleep(5);
    assert.equal(calls, 1);
  });

  check('timers run in the order of their times', async (clock) => {
    const order: number[] = [];
    clock.setTimer(20, () => order.push(20));
    clock.setTimer(1, () => order.push(1));
    await clock.sleep(25);
    assert.deepEqual(order, [1, 20]);
  });

  check('a cancelled timer does nothing, also when cancelled again', async (clock) => {
    const timer = clock.setTimer(1, () => assert.fail('ran'));
    timer.cancel();
    timer.cancel();
    await clock.sleep(3);
  });

  check('a timer of more than 25 days does not run at once', async (clock) => {
    const timer = clock.setTimer(2 ** 31 + 5, () => assert.fail('ran'));
    await clock.sleep(3);
    timer.cancel();
  });

  check('a sleep ends early when it is told to stop', async (clock) => {
    const stop = new AbortController();
    const start = clock.monotonicMs();
    clock.setTimer(1, () => stop.abort());
    await clock.sleep(60_000, stop.signal);
    assert.ok(clock.monotonicMs() - start < 30_000);
    await clock.sleep(60_000, stop.signal);
    assert.ok(clock.monotonicMs() - start < 30_000);
  });

  check('actions after a turn run in order, after promises, each once', async (clock) => {
    const order: string[] = [];
    clock.afterTurn(() => order.push('first'));
    clock.afterTurn(() => order.push('second'));
    void Promise.resolve().then(() => order.push('promise'));
    order.push('now');
    await new Promise<void>((resolve) => clock.afterTurn(resolve));
    assert.deepEqual(order, ['now', 'promise', 'first', 'second']);
  });

  check('an action given by an action runs in the next turn', async (clock) => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      clock.afterTurn(() => {
        clock.afterTurn(() => {
          order.push('next turn');
          resolve();
        });
        order.push('this turn');
      });
      clock.afterTurn(() => order.push('this turn too'));
    });
    assert.deepEqual(order, ['this turn', 'this turn too', 'next turn']);
  });
}
