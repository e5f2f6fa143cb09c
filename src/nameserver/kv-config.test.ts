import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SimNode, SimWorld } from '../../test/sim/ports/index.ts';
import { isFailure, silentLogger } from '../base/index.ts';
import { decodeFile, KvConfig } from './kv-config.ts';

const path = '/data/kv/kvConfig.json';

function open(world: SimWorld, node: SimNode): Promise<KvConfig> {
  return world.complete(KvConfig.open({ path }, { disk: node.disk, logger: silentLogger }));
}

async function fileBytes(world: SimWorld, node: SimNode): Promise<Uint8Array> {
  const read = async (): Promise<Uint8Array> => {
    await using file = await node.disk.open(path, 'read');
    const bytes = new Uint8Array(await file.size());
    await file.read(bytes, 0);
    return bytes;
  };
  return world.complete(read());
}

test('what was put is there, also after a restart, until it is deleted', async () => {
  const world = new SimWorld(1);
  const node = world.node('n');
  const first = await open(world, node);
  assert.equal(first.get('N', 'k'), undefined);
  await world.complete(
    Promise.all([
      first.put('N', 'k', 'wert "ü"'),
      first.put('N', 'l', ''),
      first.put('M', 'k', 'x'),
    ]),
  );
  assert.equal(first.get('N', 'k'), 'wert "ü"');
  const second = await open(world, node);
  assert.deepEqual(
    [...(second.namespace('N') ?? [])],
    [
      ['k', 'wert "ü"'],
      ['l', ''],
    ],
  );
  await world.complete(second.delete('N', 'k'));
  await world.complete(second.delete('N', 'never there'));
  assert.equal(second.get('N', 'k'), undefined);
  await world.complete(second.delete('M', 'k'));
  assert.deepEqual([...((await open(world, node)).namespace('M') ?? ['gone'])], []);
});

test('without a file changes are refused with the reason', async () => {
  const world = new SimWorld(1);
  const { disk } = world.node('n');
  const config = await world.complete(
    KvConfig.open({ path: undefined }, { disk, logger: silentLogger }),
  );
  await assert.rejects(
    world.complete(config.put('N', 'k', 'v')),
    (error) => isFailure(error, 'invalid') && /kvConfigPath/.test(error.message),
  );
});

test('a power loss at any operation keeps what was acknowledged, and the file opens', async () => {
  for (let at = 1; at < 40; at++) {
    for (const when of ['before', 'after'] as const) {
      const world = new SimWorld(`${at} ${when}`);
      const node = world.node('n');
      node.onError = () => {};
      const config = await open(world, node);
      const acknowledged: string[] = [];
      const change = async (): Promise<void> => {
        for (const key of ['a', 'b', 'c']) {
          await config.put('N', key, `value of ${key}`);
          acknowledged.push(key);
        }
      };
      node.crashAt({ afterOperations: at, when, powerLoss: true });
      change().catch(() => {});
      await world.run({ forMs: 10_000, until: () => acknowledged.length === 3 || !node.alive });
      if (node.alive) node.crash({ powerLoss: true });
      node.restart();
      const recovered = await open(world, node);
      for (const key of acknowledged) {
        assert.equal(recovered.get('N', key), `value of ${key}`, `crash ${when} operation ${at}`);
      }
    }
  }
});

test('a damaged file is not read as an empty one', async () => {
  const world = new SimWorld(1);
  const node = world.node('n');
  const config = await open(world, node);
  await world.complete(config.put('N', 'k', 'value'));
  const good = await fileBytes(world, node);
  assert.equal(decodeFile(path, good).get('N')?.get('k'), 'value');
  for (let i = 0; i < good.length; i++) {
    const damaged = good.slice();
    damaged[i] = (damaged[i] ?? 0) ^ 0x15;
    let read: ReturnType<typeof decodeFile>;
    try {
      read = decodeFile(path, damaged);
    } catch (error) {
      assert.ok(isFailure(error, 'corrupt'), `byte ${i}: ${error}`);
      continue;
    }
    assert.equal(read.get('N')?.get('k'), 'value', `byte ${i}`);
  }
  for (let length = 0; length < good.length; length++) {
    let read: ReturnType<typeof decodeFile>;
    try {
      read = decodeFile(path, good.subarray(0, length));
    } catch (error) {
      assert.ok(isFailure(error, 'corrupt'), `${length} bytes: ${error}`);
      continue;
    }
    assert.equal(read.get('N')?.get('k'), 'value', `${length} bytes`);
  }
});

test('the file of a Java name server is read', () => {
  const java = '{"configTable":{"ORDER_TOPIC_CONFIG":{"T":"broker-a:8;broker-b:8"}}}';
  const table = decodeFile(path, new TextEncoder().encode(java));
  assert.equal(table.get('ORDER_TOPIC_CONFIG')?.get('T'), 'broker-a:8;broker-b:8');
});
