import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { SimWorld } from '../../test/sim/ports/index.ts';
import { Failure, type KeyValue, type Mutation, physicalOffset } from '../base/index.ts';
import { type PersistedView, Persister } from './persister.ts';

const at = physicalOffset;

/** A view whose position is the number of its batches, and a database that does as it is told. */
class Fixture {
  readonly world = new SimWorld(1);
  readonly warnings: string[] = [];
  readonly written: number[] = [];
  ends: string[] = [];
  fails: 'write' | 'flush' | undefined;
  inFlight = 0;
  wanted = 0;
  /** Of one batch. */
  piece = Number.MAX_SAFE_INTEGER;
  done = 0;
  readonly persister: Persister;

  constructor() {
    const { clock } = this.world.node('n');
    const slowly = async (what: 'write' | 'flush'): Promise<void> => {
      this.inFlight++;
      assert.equal(this.inFlight, 1, 'one call at a time');
      await clock.sleep(10);
      this.inFlight--;
      if (this.fails === what) throw new Failure('unavailable', `no ${what}`);
    };
    const keyValue = {
      write: async (batch: readonly Mutation[]) => {
        await slowly('write');
        this.written.push(batch.length);
      },
      flush: () => slowly('flush'),
    } as unknown as KeyValue;
    const fixture = this;
    const view: PersistedView = {
      name: 'test',
      keyValue,
      get persisted() {
        return at(fixture.done);
      },
      takeBatch: () => {
        if (this.wanted === this.done) return undefined;
        const end = Math.min(this.wanted, this.done + this.piece);
        return {
          batch: [{ type: 'delete', key: Uint8Array.of(end) }],
          position: at(end),
          upTo: at(this.wanted),
          done: () => {
            this.done = end;
            this.ends.push(`done ${end}`);
          },
          failed: () => this.ends.push(`failed ${end}`),
        };
      },
    };
    const logger = { ...this.world.node('n').logger };
    logger.error = (message) => void this.warnings.push(message);
    this.persister = new Persister({ intervalMs: 100, flushed: at(0) }, view, { clock, logger });
  }

  async complete<T>(promise: Promise<T>): Promise<T> {
    return await this.world.complete(promise);
  }
}

test('what waits is written at intervals, one batch at a time', async () => {
  const fixture = new Fixture();
  fixture.persister.start();
  for (let count = 1; count <= 3; count++) {
    fixture.wanted = count;
    await fixture.world.run({ forMs: 150 });
  }
  assert.deepEqual(fixture.ends, ['done 1', 'done 2', 'done 3']);
  assert.equal(fixture.persister.flushed, 0, 'a power loss may take it');
  await fixture.complete(fixture.persister.flush());
  assert.equal(fixture.persister.flushed, 3);
  await fixture.complete(fixture.persister.stop());
});

test('a flush writes what waits first, and has nothing to do when nothing changed', async () => {
  const fixture = new Fixture();
  fixture.wanted = 5;
  await fixture.complete(fixture.persister.flush());
  assert.equal(fixture.persister.flushed, 5);
  fixture.fails = 'flush';
  await fixture.complete(fixture.persister.flush());
});

test('what is much is written in pieces, up to what waited at the call', async () => {
  const fixture = new Fixture();
  fixture.piece = 2;
  fixture.wanted = 5;
  const writing = fixture.persister.write();
  fixture.wanted = 9;
  await fixture.complete(writing);
  assert.deepEqual(fixture.ends, ['done 2', 'done 4', 'done 6']);
  fixture.fails = 'write';
  await fixture.complete(fixture.persister.write());
  assert.deepEqual(fixture.ends.slice(3), ['failed 8'], 'what failed is tried again later');
});

test('a database that refuses for a while is tried again, and its failure is logged once', async () => {
  const fixture = new Fixture();
  fixture.persister.start();
  fixture.fails = 'write';
  fixture.wanted = 1;
  await fixture.world.run({ forMs: 1000 });
  assert(fixture.ends.length > 3 && fixture.ends.every((end) => end === 'failed 1'));
  assert.equal(fixture.warnings.length, 1);
  assert(fixture.persister.failure !== undefined);
  await assert.rejects(fixture.complete(fixture.persister.flush()), Failure);
  assert.equal(fixture.persister.flushed, 0);
  fixture.fails = undefined;
  await fixture.complete(fixture.persister.flush());
  assert.equal(fixture.persister.flushed, 1);
  assert.equal(fixture.persister.failure, undefined);
  await fixture.complete(fixture.persister.stop());
});

test('a flush that fails is made up for by the next', async () => {
  const fixture = new Fixture();
  fixture.wanted = 2;
  fixture.fails = 'flush';
  await assert.rejects(fixture.complete(fixture.persister.flush()), /test database/);
  assert.equal(fixture.persister.flushed, 0);
  fixture.fails = undefined;
  await fixture.complete(fixture.persister.flush());
  assert.equal(fixture.persister.flushed, 2);
});

test('writes that are asked for at once come one after the other', async () => {
  const fixture = new Fixture();
  fixture.wanted = 1;
  const first = fixture.persister.write();
  fixture.wanted = 2;
  await fixture.complete(
    Promise.all([first, fixture.persister.write(), fixture.persister.write()]),
  );
  assert.deepEqual(fixture.ends, ['done 1', 'done 2']);
});

test('a stop waits for the batch in flight, and no other follows', async () => {
  const fixture = new Fixture();
  fixture.persister.start();
  fixture.wanted = 1;
  await fixture.world.run({ forMs: 105 });
  await fixture.complete(fixture.persister.stop());
  assert.deepEqual(fixture.ends, ['done 1']);
  fixture.wanted = 2;
  await fixture.world.run({ forMs: 1000 });
  assert.deepEqual(fixture.ends, ['done 1']);
});
