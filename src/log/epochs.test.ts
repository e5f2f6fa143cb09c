import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimWorld } from '../../test/sim/ports/index.ts';
import { brokerId, epoch, physicalOffset } from '../base/index.ts';
import { atomicReplace, readChecksummed, readWhole, replaceChecksummed } from './atomic-replace.ts';
import { decodeEpochRecordBody, EpochList, encodeEpochRecordBody } from './epochs.ts';
import { isFailureOf } from './test-log.ts';

const incarnation = '0011223344556677';

test('an epoch record is read as it was written', () => {
  const id = fc.nat(2 ** 31).map(brokerId);
  const fields = {
    epoch: fc.nat(2 ** 31).map(epoch),
    broker: id,
    incarnation: fc
      .uint8Array({ minLength: 8, maxLength: 8 })
      .map((bytes) => Buffer.from(bytes).toString('hex')),
    setEpoch: fc.nat(),
    members: fc.array(id),
  };
  const record = fc.record(fields, { noNullPrototype: true });
  fc.assert(
    fc.property(record, (it) => {
      assert.deepEqual(decodeEpochRecordBody(encodeEpochRecordBody(it)), it);
    }),
  );
});

test('bytes that are no epoch record fail as corrupt', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        const record = decodeEpochRecordBody(bytes);
        assert.deepEqual(Buffer.from(encodeEpochRecordBody(record)), Buffer.from(bytes));
      } catch (error) {
        isFailureOf('corrupt')(error);
      }
    }),
  );
  const whole = encodeEpochRecordBody({
    epoch: epoch(1),
    broker: brokerId(2),
    incarnation,
    setEpoch: 3,
    members: [brokerId(2), brokerId(3)],
  });
  assert.equal(
    Buffer.from(whole).toString('hex'),
    `01 00000001 0000000000000002 0011223344556677 00000003 0002 ${'0000000000000002'}0000000000000003`.replaceAll(
      ' ',
      '',
    ),
  );
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => decodeEpochRecordBody(whole.subarray(0, length)), isFailureOf('corrupt'));
  }
  assert.throws(
    () => encodeEpochRecordBody({ ...decodeEpochRecordBody(whole), incarnation: 'abc' }),
    isFailureOf('invalid'),
  );
});

test('epochs and their positions rise', () => {
  const list = new EpochList('/epochs');
  list.note({ epoch: epoch(2), incarnation, start: physicalOffset(100) });
  for (const [number, start] of [
    [2, 200],
    [1, 200],
    [3, 100],
  ] as const) {
    const entry = { epoch: epoch(number), incarnation, start: physicalOffset(start) };
    assert.throws(() => list.note(entry), isFailureOf('corrupt'));
  }
  list.note({ epoch: epoch(5), incarnation, start: physicalOffset(200) });
  list.cut(physicalOffset(200));
  assert.deepEqual(list.entries, [{ epoch: 2, incarnation, start: 100 }]);
});

test('a replaced file is the old one or the new one after any crash', async () => {
  for (let operation = 1; operation <= 8; operation++) {
    for (let seed = 0; seed < 20; seed++) {
      const world = new SimWorld(seed);
      const node = world.node('n');
      await world.complete(replaceChecksummed(node.disk, '/f', 'old'));
      node.crashAt({ afterOperations: operation, when: 'before', powerLoss: true });
      let done = false;
      const replace = replaceChecksummed(node.disk, '/f', 'new');
      void replace.then(() => {
        done = true;
      });
      await world.run({ until: () => done || !node.alive });
      node.crash({ powerLoss: true });
      node.restart();
      const line = await world.complete(readChecksummed(node.disk, '/f'));
      if (done) assert.equal(line, 'new');
      else assert.match(line ?? '', /^(old|new)$/);
      await world.complete(atomicReplace(node.disk, '/f', Buffer.from('x')));
      assert.equal((await world.complete(readWhole(node.disk, '/f')))?.length, 1);
      await assert.rejects(
        world.complete(readChecksummed(node.disk, '/f')),
        isFailureOf('corrupt', undefined, /^\/f is damaged/),
      );
    }
  }
});
