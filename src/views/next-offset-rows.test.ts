import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { SimWorld } from '../../test/sim/ports/index.ts';
import { type KeyValue, physicalOffset, queueOffset, timestampMs } from '../base/index.ts';
import { NextOffsetRows, type Row } from './next-offset-rows.ts';
import { Queues } from './queues/index.ts';

const at = physicalOffset;
const incarnation = at(10);

function row(topic: string, next: number, queueId = 0): Row {
  return { topic, incarnation, queueId, next: queueOffset(next) };
}

/** A database, and the queues of another one. */
class Fixture {
  readonly #world = new SimWorld(1);
  readonly #node = this.#world.node('n');
  database!: KeyValue;
  queues!: Queues;

  static async make(): Promise<Fixture> {
    const fixture = new Fixture();
    fixture.database = await fixture.complete(fixture.#node.keyValueStores.open('/metadata'));
    await fixture.freshQueues();
    return fixture;
  }

  async complete<T>(promise: Promise<T>): Promise<T> {
    return await this.#world.complete(promise);
  }

  async freshQueues(): Promise<void> {
    const name = `/queues${this.#world.nowMs}`;
    const database = await this.complete(this.#node.keyValueStores.open(name));
    this.queues = await this.complete(Queues.open(database));
  }

  async load(): Promise<NextOffsetRows> {
    return await this.complete(NextOffsetRows.load(this.database));
  }

  async write(rows: NextOffsetRows, synced: number): Promise<number> {
    const batch = rows.takeBatch(at(synced));
    if (batch === undefined) return 0;
    await this.complete(this.database.write(batch.batch));
    batch.done();
    return batch.batch.length;
  }

  fill(topic: string, count: number, from = 1000): void {
    const queue = this.queues.topic(topic, incarnation).queue(0);
    for (let index = 0; index < count; index++) {
      this.queues.append(queue, at(from + 100 * index), 100, 0, timestampMs(1));
    }
  }

  range(topic: string): [min: number, next: number] | undefined {
    const queue = this.queues.find(topic, incarnation)?.find(0);
    return queue && [queue.min, queue.next];
  }
}

test('rows are written once the end of their segment is synced, and not again', async () => {
  const fixture = await Fixture.make();
  const rows = await fixture.load();
  rows.add(at(0), at(4096), [row('t', 3), row('u', 5)]);
  assert.equal(await fixture.write(rows, 4095), 0);
  assert.equal(rows.has(at(0)), true);
  assert.equal(await fixture.write(rows, 4096), 3);
  assert.equal(await fixture.write(rows, 9000), 0);
  assert.equal((await fixture.load()).has(at(0)), true);
  assert.equal((await fixture.load()).has(at(4096)), false);
});

test('a roll that is taken back leaves no rows', async () => {
  const fixture = await Fixture.make();
  const rows = await fixture.load();
  rows.add(at(0), at(4096), [row('t', 3)]);
  rows.cut(at(4000));
  assert.equal(rows.has(at(0)), false);
  assert.equal(await fixture.write(rows, 9000), 0);
});

test('rows without the mark of their segment do not count', async () => {
  const fixture = await Fixture.make();
  const rows = await fixture.load();
  rows.add(at(0), at(4096), [row('t', 3)]);
  const batch = rows.takeBatch(at(4096));
  await fixture.complete(fixture.database.write(batch?.batch.slice(0, 1) ?? []));
  const loaded = await fixture.load();
  assert.equal(loaded.has(at(0)), false);
  loaded.restore(fixture.queues, at(4096));
  assert.equal(fixture.range('t'), undefined);
});

test('queues that are found empty go on where the rows say', async () => {
  const fixture = await Fixture.make();
  const rows = await fixture.load();
  rows.add(at(0), at(4096), [row('t', 3)]);
  rows.add(at(4096), at(8192), [row('t', 7)]);
  await fixture.write(rows, 8192);
  (await fixture.load()).restore(fixture.queues, at(8192));
  fixture.queues.endReplay();
  assert.deepEqual(fixture.range('t'), [7, 7]);
});

test('a segment that goes raises the beginning of its queues; the last word about a queue stays', async () => {
  const fixture = await Fixture.make();
  fixture.fill('quiet', 3);
  fixture.fill('busy', 3);
  const rows = await fixture.load();
  rows.add(at(0), at(4096), [row('quiet', 3), row('busy', 2), row('deleted', 9)]);
  await fixture.write(rows, 4096);
  await fixture.complete(fixture.database.write(rows.segmentDeleted(at(4096), fixture.queues)));
  assert.deepEqual(fixture.range('quiet'), [3, 3]);
  assert.deepEqual(fixture.range('busy'), [2, 3]);
  assert.equal(fixture.range('deleted'), undefined);
  await fixture.freshQueues();
  (await fixture.load()).restore(fixture.queues, at(4096));
  fixture.queues.endReplay();
  assert.deepEqual(fixture.range('quiet'), [3, 3]);
  assert.equal(fixture.range('busy'), undefined);
});

test('rows of segments that are gone go as soon as their queues go on', async () => {
  const fixture = await Fixture.make();
  fixture.fill('t', 3);
  const rows = await fixture.load();
  rows.add(at(0), at(4096), [row('t', 3)]);
  rows.add(at(4096), at(8192), []);
  await fixture.write(rows, 8192);
  assert.equal(rows.segmentDeleted(at(4096), fixture.queues).length, 0);
  fixture.fill('t', 1, 9000);
  // The row with its mark, and the mark of the second segment.
  assert.equal(rows.segmentDeleted(at(8192), fixture.queues).length, 3);
  assert.deepEqual(fixture.range('t'), [3, 4]);
});
