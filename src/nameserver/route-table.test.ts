import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RegistrationContent, TopicQueues } from '../wire/index.ts';
import type { Registration } from './registration.ts';
import { RouteTable } from './route-table.ts';

const defaultQueues: TopicQueues = {
  readQueueNums: 8,
  writeQueueNums: 8,
  perm: 6,
  topicSysFlag: 0,
};

function content(
  topics: Record<string, Partial<TopicQueues>>,
  rest: Partial<RegistrationContent> = {},
): RegistrationContent {
  const entries = Object.entries(topics);
  return {
    dataVersion: { stateVersion: 0, timestamp: 1, counter: 1 },
    topics: new Map(entries.map(([name, queues]) => [name, { ...defaultQueues, ...queues }])),
    mappings: new Map(),
    filterServers: undefined,
    ...rest,
  };
}

let bodies = 0;

/** A registration of broker a, 0 with topics T and U; each has a body of its own unless it is given one. */
function registration({
  body,
  ...rest
}: Partial<Registration> & { readonly body?: RegistrationContent } = {}): Registration {
  return {
    cluster: 'C',
    brokerName: 'a',
    brokerId: 0,
    address: '10.0.0.1:10911',
    haAddress: '10.0.0.1:10912',
    zoneName: undefined,
    heartbeatTimeoutMs: 120_000,
    enableActingMaster: false,
    epoch: undefined,
    baseVersion: undefined,
    fingerprint: `body ${bodies++}`,
    content: () => body ?? content({ T: {}, U: {} }),
    owner: {},
    ...rest,
  };
}

function newTable(
  options: { readonly deleteTopicWithBrokerRegistration?: boolean } = {},
): RouteTable {
  return new RouteTable({ deleteTopicWithBrokerRegistration: false, ...options });
}

/** `broker name: id=address,... perm,...` of each broker of the route. */
function route(table: RouteTable, topic: string): string {
  const found = table.topic(topic);
  if (found === undefined) return 'none';
  const { brokers, queues } = table.describe(found);
  return brokers
    .map(({ brokerName, addresses }, index) => {
      const members = [...addresses].map(([id, address]) => `${id}=${address}`).join(',');
      return `${brokerName}: ${members} perm ${queues[index]?.perm}`;
    })
    .join('; ');
}

const isRefused = (result: object): boolean => 'refused' in result;

test('a registered topic has a route, others have none', () => {
  const table = newTable();
  table.register(registration(), 0);
  assert.equal(route(table, 'T'), 'a: 0=10.0.0.1:10911 perm 6');
  assert.equal(route(table, 'X'), 'none');
});

test('a slave joins the address list, is told its master, and does not change queues', () => {
  const table = newTable();
  table.register(registration(), 0);
  const slave = registration({
    brokerId: 1,
    address: '10.0.0.2:10911',
    body: content({ T: { perm: 4 }, V: {} }),
  });
  assert.deepEqual(table.register(slave, 0), {
    isNew: true,
    masterAddress: '10.0.0.1:10911',
    masterHaAddress: '10.0.0.1:10912',
  });
  assert.equal(route(table, 'T'), 'a: 0=10.0.0.1:10911,1=10.0.0.2:10911 perm 6');
  assert.equal(route(table, 'V'), 'none');
});

test('the smallest id speaks for a group without a master, unless it is an old broker', () => {
  for (const [enableActingMaster, expected] of [
    [false, 'a: 2=10.0.0.1:10911 perm 6'],
    [true, 'a: 2=10.0.0.1:10911 perm 4'],
    [undefined, 'none'],
  ] as const) {
    const table = newTable();
    table.register(registration({ brokerId: 2, enableActingMaster }), 0);
    assert.equal(route(table, 'T'), expected);
  }
});

test('a broker that changes its id leaves the old one', () => {
  const table = newTable();
  table.register(registration({ brokerId: 1 }), 0);
  table.register(registration({ brokerId: 0 }), 0);
  assert.deepEqual([...(table.group('a')?.addresses ?? [])], [[0, '10.0.0.1:10911']]);
});

test('a broker that changes its name leaves the old group', () => {
  const table = newTable();
  table.register(registration(), 0);
  table.register(registration({ brokerName: 'b' }), 0);
  assert.equal(table.group('a'), undefined);
  assert.equal(route(table, 'T'), 'b: 0=10.0.0.1:10911 perm 6');
});

test('a lower epoch never replaces a higher one, and changes nothing (#6316)', () => {
  const table = newTable();
  const body = content({ T: {}, U: {} });
  table.register(registration({ epoch: 7, body }), 0);
  const stale = registration({
    epoch: 6,
    address: '10.0.0.9:10911',
    body: content({ X: {}, Y: {} }),
  });
  assert.deepEqual(table.register(stale, 0), {
    refused: { type: 'staleEpoch', holder: '10.0.0.1:10911', epoch: 7 },
  });
  assert.equal(route(table, 'T'), 'a: 0=10.0.0.1:10911 perm 6');
  assert.equal(route(table, 'X'), 'none');
  assert.ok(!isRefused(table.register(registration({ epoch: 8, address: '10.0.0.9:10911' }), 0)));
  assert.equal(route(table, 'T'), 'a: 0=10.0.0.9:10911 perm 6');
});

test('a lower epoch is refused after the master has gone, while the group has a member', () => {
  const table = newTable();
  table.register(registration({ epoch: 7 }), 0);
  table.register(registration({ brokerId: 1, address: '10.0.0.2:10911', epoch: 7 }), 0);
  table.unregister('C', 'a', '10.0.0.1:10911');
  assert.ok(isRefused(table.register(registration({ epoch: 6, address: '10.0.0.3:10911' }), 0)));
  table.unregister('C', 'a', '10.0.0.2:10911');
  assert.ok(!isRefused(table.register(registration({ epoch: 6, address: '10.0.0.3:10911' }), 0)));
});

test('without epochs the state version decides between two addresses, as in Java', () => {
  const table = newTable();
  const at = (stateVersion: number) =>
    content({ T: {}, U: {} }, { dataVersion: { stateVersion, timestamp: 1, counter: 1 } });
  table.register(registration({ body: at(5) }), 0);
  assert.ok(isRefused(table.register(registration({ address: 'b:1', body: at(4) }), 0)));
  assert.ok(!isRefused(table.register(registration({ body: at(0) }), 0)), 'same address');
  assert.ok(!isRefused(table.register(registration({ address: 'b:1', body: at(5) }), 0)));
});

test('the epoch of a heartbeat fences too', () => {
  const table = newTable();
  table.register(registration(), 0);
  table.heartbeat('C', '10.0.0.1:10911', 9, 0);
  assert.ok(isRefused(table.register(registration({ address: 'b:1' }), 0)));
});

test('property: the master never moves to a lower epoch while its group is there', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ epoch: fc.integer({ min: 1, max: 9 }), host: fc.integer({ min: 1, max: 4 }) }),
      ),
      (attempts) => {
        const table = newTable();
        table.register(registration({ brokerId: 5, address: 'slave:1', epoch: 1 }), 0);
        let highest = 0;
        for (const { epoch, host } of attempts) {
          const result = table.register(registration({ epoch, address: `h${host}:1` }), 0);
          assert.equal(isRefused(result), epoch < highest);
          highest = Math.max(highest, epoch);
        }
      },
    ),
  );
});

test('a single topic before the first full registration is refused (#9411)', () => {
  const table = newTable();
  const single = registration({ body: content({ T: {} }) });
  assert.deepEqual(table.register(single, 0), { refused: { type: 'partFirst' } });
  assert.deepEqual(table.brokers(), []);
});

test('a single topic does not make the rest look registered (#9411)', () => {
  const table = newTable();
  const version = (counter: number) => ({ stateVersion: 0, timestamp: 1, counter });
  table.register(registration({ body: content({ T: {}, U: {} }, { dataVersion: version(1) }) }), 0);
  table.register(registration({ body: content({ V: {} }, { dataVersion: version(3) }) }), 0);
  assert.equal(route(table, 'V'), 'a: 0=10.0.0.1:10911 perm 6');
  assert.deepEqual(table.dataVersionOf('C', '10.0.0.1:10911'), version(1));
  // One that continues what is known stands for the whole table.
  const next = registration({
    baseVersion: version(1),
    body: content({ W: {} }, { dataVersion: version(2) }),
  });
  table.register(next, 0);
  assert.deepEqual(table.dataVersionOf('C', '10.0.0.1:10911'), version(2));
});

test('a part is told from the whole table by the version that it continues', () => {
  const version = (counter: number) => ({ stateVersion: 0, timestamp: 1, counter });
  const part = (baseCounter: number, counter: number) =>
    registration({
      epoch: 1,
      baseVersion: version(baseCounter),
      body: content({ V: {}, W: {} }, { dataVersion: version(counter) }),
    });
  const table = newTable({ deleteTopicWithBrokerRegistration: true });
  assert.deepEqual(table.register(part(1, 2), 0), { refused: { type: 'partFirst' } });
  table.register(
    registration({ epoch: 1, body: content({ T: {}, U: {} }, { dataVersion: version(1) }) }),
    0,
  );
  const versionNow = () => table.dataVersionOf('C', '10.0.0.1:10911')?.counter;
  table.register(part(1, 2), 0);
  assert.equal(versionNow(), 2);
  assert.notEqual(route(table, 'T'), 'none');
  assert.notEqual(route(table, 'V'), 'none');
  // It continues something that is not known here: the topics are good, the whole table is in doubt.
  table.register(part(3, 4), 0);
  assert.equal(versionNow(), 2);
});

test('a changed topic is seen although the version is the same (#10425)', () => {
  const table = newTable();
  table.register(registration(), 0);
  table.register(registration({ body: content({ T: { perm: 4 }, U: {} }) }), 0);
  assert.equal(route(table, 'T'), 'a: 0=10.0.0.1:10911 perm 4');
});

test('equal bytes are not read again, until somebody deleted a topic here', () => {
  const table = newTable();
  let reads = 0;
  const repeated = registration({
    fingerprint: 'same',
    content: () => {
      reads++;
      return content({ T: {}, U: {} });
    },
  });
  table.register(repeated, 0);
  table.register(repeated, 0);
  assert.equal(reads, 1);
  table.deleteTopic('T');
  assert.equal(route(table, 'T'), 'none');
  table.register(repeated, 0);
  assert.equal(reads, 2);
  assert.equal(route(table, 'T'), 'a: 0=10.0.0.1:10911 perm 6');
});

test('topics that a registration does not name stay, unless the option says otherwise', () => {
  for (const deleteTopicWithBrokerRegistration of [false, true]) {
    const table = newTable({ deleteTopicWithBrokerRegistration });
    table.register(registration(), 0);
    table.register(registration({ body: content({ T: {}, V: {} }) }), 0);
    assert.equal(route(table, 'U') === 'none', deleteTopicWithBrokerRegistration);
    assert.notEqual(route(table, 'V'), 'none');
  }
});

test('a group goes with its last member, and its topics with it', () => {
  const table = newTable();
  table.register(registration(), 0);
  table.register(registration({ brokerName: 'b', address: 'b:1' }), 0);
  assert.ok(table.unregister('C', 'a', '10.0.0.1:10911'));
  assert.ok(!table.unregister('C', 'a', '10.0.0.1:10911'));
  assert.equal(route(table, 'T'), 'b: 0=b:1 perm 6');
  assert.deepEqual([...table.clusters()], [['C', new Set(['b'])]]);
  table.unregister('C', 'b', 'b:1');
  assert.deepEqual([...table.clusters()], []);
  assert.deepEqual([...table.topicNames()], []);
});

test('an acting master makes its group read-only when the master goes', () => {
  for (const [enableActingMaster, perm] of [
    [true, 4],
    [false, 6],
  ] as const) {
    const table = newTable();
    table.register(registration({ enableActingMaster }), 0);
    table.register(registration({ brokerId: 1, address: 's:1', enableActingMaster }), 0);
    table.unregister('C', 'a', '10.0.0.1:10911');
    assert.equal(route(table, 'T'), `a: 1=s:1 perm ${perm}`);
  }
});

test('a closed connection takes its broker along, but not one that came back over another', () => {
  const table = newTable();
  const [first, second] = [{}, {}];
  table.register(registration({ owner: first }), 0);
  table.register(registration({ owner: second }), 0);
  assert.deepEqual(table.ownerGone(first), []);
  assert.notEqual(route(table, 'T'), 'none');
  assert.equal(table.ownerGone(second).length, 1);
  assert.equal(route(table, 'T'), 'none');
  assert.deepEqual(table.ownerGone(second), []);
});

test('one connection may carry several brokers', () => {
  const table = newTable();
  const owner = {};
  table.register(registration({ owner }), 0);
  table.register(registration({ owner, brokerName: 'b', address: 'b:1' }), 0);
  assert.equal(table.ownerGone(owner).length, 2);
  assert.deepEqual(table.brokers(), []);
});

test('a silent broker expires after its own time, a heartbeat or version query keeps it', () => {
  const table = newTable();
  table.register(registration({ heartbeatTimeoutMs: 1000 }), 0);
  table.register(registration({ brokerName: 'b', address: 'b:1' }), 0);
  table.heartbeat('C', '10.0.0.1:10911', undefined, 600);
  assert.deepEqual(table.expire(1600), []);
  assert.deepEqual(
    table.expire(1601).map((member) => member.address),
    ['10.0.0.1:10911'],
  );
  assert.deepEqual(
    table.expire(120_001).map((member) => member.address),
    ['b:1'],
  );
});

test('write permission taken away stays away until the topic itself changes', () => {
  const table = newTable();
  table.register(registration(), 0);
  assert.equal(table.setWritable('a', false), 2);
  assert.equal(route(table, 'T'), 'a: 0=10.0.0.1:10911 perm 4');
  table.register(registration({ body: content({ T: {}, U: {}, V: {} }) }), 0);
  assert.equal(route(table, 'T'), 'a: 0=10.0.0.1:10911 perm 4');
  table.register(registration({ body: content({ T: { readQueueNums: 9 }, U: {} }) }), 0);
  assert.equal(route(table, 'T'), 'a: 0=10.0.0.1:10911 perm 6');
  assert.equal(route(table, 'U'), 'a: 0=10.0.0.1:10911 perm 4');
  table.setWritable('a', true);
  assert.equal(route(table, 'U'), 'a: 0=10.0.0.1:10911 perm 6');
  assert.equal(table.setWritable('nobody', false), 0);
});

test('a topic is deleted everywhere or in one cluster', () => {
  const table = newTable();
  table.register(registration(), 0);
  table.register(registration({ cluster: 'D', brokerName: 'b', address: 'b:1' }), 0);
  table.deleteTopic('T', 'nowhere');
  table.deleteTopic('T', 'D');
  assert.equal(route(table, 'T'), 'a: 0=10.0.0.1:10911 perm 6');
  table.deleteTopic('T');
  assert.equal(route(table, 'T'), 'none');
});

test('a topic can be put on registered brokers by hand, on all or none of them', () => {
  const table = newTable();
  table.register(registration(), 0);
  assert.deepEqual(table.registerTopic('X', [{ ...defaultQueues, brokerName: 'nobody' }]), [
    'nobody',
  ]);
  assert.equal(route(table, 'X'), 'none');
  assert.deepEqual(table.registerTopic('X', [{ ...defaultQueues, brokerName: 'a' }]), []);
  assert.equal(route(table, 'X'), 'a: 0=10.0.0.1:10911 perm 6');
});

test('lists by cluster and by unit flag', () => {
  const table = newTable();
  const body = content({
    plain: {},
    unit: { topicSysFlag: 1 },
    sub: { topicSysFlag: 2 },
    both: { topicSysFlag: 3 },
  });
  table.register(registration({ body }), 0);
  assert.deepEqual(table.unitTopics('unit'), ['unit', 'both']);
  assert.deepEqual(table.unitTopics('unitSub'), ['sub', 'both']);
  assert.deepEqual(table.unitTopics('unitSubWithoutUnit'), ['sub']);
  assert.deepEqual([...table.topicsOfCluster('C')], ['plain', 'unit', 'sub', 'both']);
  assert.deepEqual([...table.topicsOfCluster('D')], []);
});

test('filter servers and static topics are in the route', () => {
  const table = newTable();
  const value = {
    bname: 'a',
    currIdMap: new Map([[0, 0]]),
    dirty: false,
    epoch: 1,
    totalQueues: 1,
  };
  const mappings = new Map([['T', { brokerName: 'a', value }]]);
  table.register(
    registration({ body: content({ T: {}, U: {} }, { mappings, filterServers: ['f:1'] }) }),
    0,
  );
  const found = table.topic('T');
  assert.ok(found);
  assert.deepEqual([...table.describe(found).filterServers], [['10.0.0.1:10911', ['f:1']]]);
  assert.deepEqual([...(table.describe(found).mappings ?? [])], [['a', value]]);
});

test('a revision rises exactly when the route changes', () => {
  const table = newTable();
  table.register(registration(), 0);
  const found = table.topic('T');
  assert.ok(found);
  const changes = (action: () => void): boolean => {
    const before = table.revisionOf(found);
    action();
    return table.revisionOf(found) > before;
  };
  const slave = registration({ brokerId: 1, address: 's:1' });
  assert.ok(!changes(() => table.register(registration(), 0)), 'the same once more');
  assert.ok(
    !changes(() =>
      table.register(
        registration({ brokerName: 'b', address: 'b:1', body: content({ V: {}, W: {} }) }),
        0,
      ),
    ),
    'another group',
  );
  assert.ok(!changes(() => table.deleteTopic('U')), 'another topic');
  assert.ok(!changes(() => table.heartbeat('C', '10.0.0.1:10911', undefined, 5)), 'a heartbeat');
  assert.ok(
    changes(() => table.register(slave, 0)),
    'a slave',
  );
  assert.ok(
    changes(() => table.unregister('C', 'a', 's:1')),
    'a slave that goes',
  );
  assert.ok(
    changes(() => table.register(registration({ address: 'new:1' }), 0)),
    'an address',
  );
  assert.ok(
    changes(() => table.register(registration({ address: 'new:1', zoneName: 'z' }), 0)),
    'a zone',
  );
  assert.ok(
    changes(() => table.setWritable('a', false)),
    'a permission',
  );
});

test('property: after any history the table equals one that saw only the survivors', () => {
  const event = fc.oneof(
    fc.record({
      type: fc.constant('register' as const),
      group: fc.constantFrom('a', 'b'),
      id: fc.integer({ min: 0, max: 2 }),
      topics: fc.uniqueArray(fc.constantFrom('T', 'U', 'V', 'W'), { minLength: 2 }),
    }),
    fc.record({
      type: fc.constant('gone' as const),
      group: fc.constantFrom('a', 'b'),
      id: fc.integer({ min: 0, max: 2 }),
    }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      const table = newTable();
      const members = new Map<string, { group: string; id: number }>();
      for (const { group, id, ...rest } of events) {
        const address = `${group}${id}:1`;
        if (rest.type === 'gone') {
          table.unregister('C', group, address);
          members.delete(address);
          continue;
        }
        const body = content(Object.fromEntries(rest.topics.map((topic) => [topic, {}])));
        table.register(registration({ brokerName: group, brokerId: id, address, body }), 0);
        members.set(address, { group, id });
      }
      const expected = [...members].map(([address, { group, id }]) => `${group} ${id} ${address}`);
      const actual = table
        .brokers()
        .flatMap(({ brokerName, addresses }) =>
          [...addresses].map(([id, address]) => `${brokerName} ${id} ${address}`),
        );
      assert.deepEqual(actual.sort(), expected.sort());
      for (const topic of table.topicNames()) {
        const found = table.topic(topic);
        assert.ok(found);
        const { queues } = table.describe(found);
        assert.ok(queues.every(({ brokerName }) => table.group(brokerName) !== undefined));
      }
    }),
  );
});
