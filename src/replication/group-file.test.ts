import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type SimNode, SimWorld } from '../../test/sim/ports/index.ts';
import { brokerId, epoch, isFailure } from '../base/index.ts';
import { type GroupState, readGroupState, wasLossless, writeGroupState } from './group-file.ts';

const state: GroupState = {
  promisedEpoch: epoch(7),
  incarnation: '0123456789abcdef',
  self: brokerId(0),
  members: [brokerId(0)],
  setEpoch: 3,
  cleanStop: false,
  lossy: false,
  bootId: 'a',
};

async function storeOn(seed = 1): Promise<{ world: SimWorld; node: SimNode }> {
  const world = new SimWorld(seed);
  const node = world.node('n');
  await world.complete(node.disk.makeFolder('/store'));
  await world.complete(node.disk.syncFolder('/'));
  return { world, node };
}

test('what was written is read back; before that there is nothing', async () => {
  const { world, node } = await storeOn();
  assert.equal(await world.complete(readGroupState(node.disk, '/store')), undefined);
  await world.complete(writeGroupState(node.disk, '/store', state));
  assert.deepEqual(await world.complete(readGroupState(node.disk, '/store')), state);
});

test('a change of any bit is found, and the file is named', async () => {
  const { world, node } = await storeOn();
  await world.complete(writeGroupState(node.disk, '/store', state));
  const file = await world.complete(node.disk.open('/store/group', 'read'));
  const size = await world.complete(file.size());
  // The last byte is the end of the line, which says nothing.
  for (let position = 0; position < size - 1; position++) {
    node.drive.flipBit('/store/group', position, position % 7);
    await assert.rejects(
      world.complete(readGroupState(node.disk, '/store')),
      (error) => isFailure(error, 'corrupt') && error.message.includes('/store/group'),
      `byte ${position}`,
    );
    node.drive.flipBit('/store/group', position, position % 7);
  }
});

test('after a power loss at any moment of writing there is the old state or the new one', async () => {
  const later = { ...state, promisedEpoch: epoch(8), cleanStop: true };
  const found = new Set<number>();
  for (let seed = 0; seed < 30; seed++) {
    const { world, node } = await storeOn(seed);
    await world.complete(writeGroupState(node.disk, '/store', state));
    node.crashAt({ afterOperations: 1 + (seed % 6), when: 'after', powerLoss: true });
    void writeGroupState(node.disk, '/store', later);
    await world.run({ forMs: 1000 });
    node.crash({ powerLoss: true });
    node.restart();
    const read = await world.complete(readGroupState(node.disk, '/store'));
    assert(read !== undefined);
    found.add(read.promisedEpoch);
  }
  assert.deepEqual([...found].sort(), [7, 8]);
});

test('a state that is complete but makes no sense is damage', async () => {
  const { world, node } = await storeOn();
  const odd = { ...state, members: ['a'] } as unknown as GroupState;
  await world.complete(writeGroupState(node.disk, '/store', odd));
  await assert.rejects(world.complete(readGroupState(node.disk, '/store')), (error) =>
    isFailure(error, 'corrupt'),
  );
});

test('a stop lost nothing if it was clean, or if the operating system has run on since', async () => {
  const { world, node } = await storeOn();
  const read = async (bootId: string | undefined) => {
    await world.complete(writeGroupState(node.disk, '/store', { ...state, bootId }));
    return await world.complete(readGroupState(node.disk, '/store'));
  };
  const inA = await read('a');
  const isEmpty = false;
  const lossless = (found: GroupState | undefined, bootId: string | undefined) =>
    wasLossless(found, bootId, { isEmpty });
  assert.equal(lossless(inA, 'a'), true);
  assert.equal(lossless(inA, 'b'), false);
  assert.equal(lossless(inA, undefined), false);
  assert.equal(lossless(await read(undefined), undefined), false, 'unknown is not the same');
  assert.equal(lossless({ ...state, cleanStop: true }, 'b'), true);
  const untold = { ...state, cleanStop: true, lossy: true };
  assert.equal(lossless(untold, 'a'), false, 'an earlier stop that nobody was told of');
  assert.equal(lossless(undefined, 'a'), false, 'a log whose group file is gone');
  assert.equal(wasLossless(undefined, undefined, { isEmpty: true }), true);
});
