import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeServer, fakeAdmin } from '../../test/admin/fake-cluster.ts';
import { operations } from '../admin/index.ts';
import { addOperationCommands, createProgram, runProgram } from './program.ts';
import type { Terminal } from './terminal.ts';
import { hasView } from './views.ts';

interface Setting {
  readonly servers?: Readonly<Record<string, FakeServer>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly answer?: string;
  readonly input?: string;
  readonly columns?: number;
  readonly rows?: number;
  /** After so many results the person has seen enough. */
  readonly rounds?: number;
  readonly colors?: boolean;
}

/** Runs a command line as a person or a program would. */
async function run(line: readonly string[], setting: Setting = {}) {
  let output = '';
  let errors = '';
  let nameServers = '';
  let rounds = setting.rounds ?? 0;
  const stop = new AbortController();
  const terminal: Terminal = {
    write: (text) => {
      output += text;
      rounds -= 1;
      if (rounds === 0) stop.abort();
    },
    writeError: (text) => {
      errors += text;
    },
    columns: setting.columns,
    rows: setting.rows,
    colors: setting.colors ?? false,
    interactive: setting.answer !== undefined,
    ask: async (question) => {
      errors += question;
      return setting.answer ?? '';
    },
    readInput: async () => new TextEncoder().encode(setting.input ?? ''),
    localTime: (time) => `at ${time}`,
    environment: setting.environment ?? {},
  };
  const fake = fakeAdmin(setting.servers ?? freshServers());
  let closed = 0;
  const program = createProgram('1.2.3', terminal);
  await addOperationCommands(program, {
    terminal,
    stopSignal: () => stop.signal,
    connect: async (addresses) => {
      nameServers = addresses.map(({ host, port }) => `${host}:${port}`).join(';');
      return {
        admin: fake.admin,
        async [Symbol.asyncDispose]() {
          closed += 1;
        },
      };
    },
  });
  const code = await runProgram(program, line, terminal);
  return { code, output, errors, nameServers, calls: fake.calls, closed };
}

const topicConfig =
  '{"topicName":"订单","readQueueNums":4,"writeQueueNums":4,"perm":6,"attributes":{}}';

/** A name server, and a broker with one topic until it is removed. */
function freshServers(): Readonly<Record<string, FakeServer>> {
  let isRemoved = false;
  return {
    'ns:9876': ({ code, ext }) => {
      switch (code) {
        case 105:
          return ext['topic'] === 'Nope'
            ? {
                code: 17,
                remark:
                  'No topic route info in name server for the topic: Nope\nSee https://x for further details.',
              }
            : {
                body: '{"brokerDatas":[{"brokerAddrs":{"0":"b:1"},"brokerName":"broker-a","cluster":"c"}],"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"writeQueueNums":4}]}',
              };
        case 106:
          return {
            body: '{"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"b:1"},"brokerName":"broker-a","cluster":"c"}}}',
          };
        case 206:
          return { body: '{"topicList":["订单"]}' };
        default:
          return {};
      }
    },
    'b:1': ({ code, body }) => {
      switch (code) {
        case 21:
          return { body: `{"topicConfigTable":{"订单":${topicConfig}}}` };
        case 351:
          return isRemoved ? { code: 17 } : { body: topicConfig };
        case 310:
          return {
            ext: { msgId: 'OFFSETID', queueId: '2', queueOffset: String(body.length) },
          };
        case 215:
          isRemoved = true;
          return {};
        default:
          return { code: 3, remark: 'not supported' };
      }
    },
  };
}

test('a list is a table for people', async () => {
  const { code, output, errors, closed } = await run(['topic', 'ls']);
  assert.equal(errors, '');
  assert.equal(
    output,
    'TOPIC  TYPE    READ  WRITE  PERM  BROKERS\n订单   NORMAL     4      4  rw    broker-a\n',
  );
  assert.deepEqual([code, closed], [0, 1]);
});

test('a list is an array of objects for programs', async () => {
  const { output } = await run(['topic', 'ls', '-o', 'json']);
  assert.deepEqual(JSON.parse(output), [
    {
      topic: '订单',
      brokers: ['broker-a'],
      readQueues: 4,
      writeQueues: 4,
      perm: 6,
      messageType: 'NORMAL',
    },
  ]);
});

test('64-bit numbers are strings for programs', async () => {
  const { output } = await run(['msg', 'send', 'T', 'hi', '-o', 'json']);
  const sent = JSON.parse(output);
  assert.deepEqual([sent.broker, sent.queueId, sent.queueOffset], ['broker-a', 2, '2']);
  assert.match(sent.messageId, /^[0-9A-F]{32}$/);
});

test('- is standard input', async () => {
  const { output } = await run(['msg', 'send', 'T', '-', '-o', 'json'], { input: 'five!' });
  assert.equal(JSON.parse(output).queueOffset, '5');
});

test('colours are there only where they are wanted', async () => {
  const plain = await run(['topic', 'ls'], { columns: 80 });
  assert.ok(!plain.output.includes('\u001b'));
  const colored = await run(['topic', 'ls'], { columns: 80, colors: true });
  assert.ok(colored.output.includes('\u001b['));
});

test('name servers come from the option, else the environment, else the usual place', async () => {
  const environment = { NAMESRV_ADDR: 'e:1;f:2' };
  assert.equal((await run(['topic', 'ls', '-n', 'o:3'], { environment })).nameServers, 'o:3');
  assert.equal((await run(['topic', 'ls'], { environment })).nameServers, 'e:1;f:2');
  assert.equal((await run(['topic', 'ls'])).nameServers, '127.0.0.1:9876');
});

test('a refusal is one line with the name of the code, and exit code 1', async () => {
  const { code, output, errors, closed } = await run(['topic', 'info', 'Nope']);
  assert.equal(
    errors,
    'holdfast: TOPIC_NOT_EXIST (17): No topic route info in name server for the topic: Nope\n',
  );
  assert.deepEqual([code, output, closed], [1, '', 1]);
});

test('nobody there is exit code 3', async () => {
  const { code, errors } = await run(['topic', 'ls'], { servers: {} });
  assert.match(errors, /^holdfast: cannot reach the name server: .*\n$/);
  assert.equal(code, 3);
});

test('wrong usage is exit code 2, with all mistakes and before anything is sent', async () => {
  const wrong = await run(['topic', 'create', 'T', '--perm', 'x', '--read-queues', '-1']);
  assert.deepEqual([wrong.code, wrong.calls], [2, []]);
  assert.equal(wrong.errors.trim().split('\n').length, 2, wrong.errors);
  for (const line of [
    [],
    ['topic'],
    ['topic', 'crate'],
    ['topic', 'create'],
    ['topic', 'ls', 'extra'],
    ['topic', 'ls', '--no-such'],
    ['topic', 'ls', '-o', 'xml'],
    ['topic', 'ls', '--watch', '0'],
    ['topic', 'rm', '订单', '--watch'],
    ['offset', 'reset', 'g', 'T', '--to', 'yesterday'],
    ['broker', 'config', 'set', 'novalue'],
    ['topic', 'ls', '-n', 'no-port'],
    ['topic', 'ls', '-n', ''],
    ['msg', 'tail', 'T', '--from', 'middle'],
    ['msg', 'send', 'T', 'b', '--property', 'novalue'],
    ['topic', 'create', 'T', '--attribute', '+message.type=FIFO'],
  ]) {
    const { code, calls, errors } = await run(line);
    assert.deepEqual([code, calls], [2, []], line.join(' '));
    assert.notEqual(errors, '', line.join(' '));
  }
});

test('what destroys is asked about, and refused where nobody can answer', async () => {
  const destroy = ['topic', 'rm', '订单'];
  const refused = await run(destroy);
  assert.deepEqual([refused.code, refused.calls], [2, []]);
  assert.equal(refused.errors, 'holdfast: topic rm 订单: cannot be undone; add --yes to do it\n');
  const no = await run(destroy, { answer: '' });
  assert.equal(no.code, 2);
  assert.ok(!no.calls.includes('b:1 215'));
  assert.match(no.errors, /topic 订单 readQueues +4 +-/, 'what would be gone is shown');
  for (const setting of [{ answer: 'y' }, { answer: ' Yes ' }]) {
    const yes = await run(destroy, setting);
    assert.ok(yes.calls.includes('b:1 215'));
    assert.equal(yes.code, 0);
  }
  const sure = await run([...destroy, '--yes']);
  assert.deepEqual([sure.code, sure.output], [0, 'topic 订单 removed on broker-a\n']);
});

test('a preview shows what would change, and changes nothing', async () => {
  const line = ['topic', 'edit', '订单', '--perm', 'r', '--dry-run'];
  const table = await run(line);
  assert.equal(
    table.output,
    'WHERE     WHAT             NOW  THEN\nbroker-a  topic 订单 perm  rw   r\n',
  );
  const json = await run([...line, '-o', 'json']);
  assert.deepEqual(JSON.parse(json.output), [
    { where: 'broker-a', what: 'topic 订单 perm', before: 'rw', after: 'r' },
  ]);
  const nothing = await run(['topic', 'edit', '订单', '--perm', 'rw', '--dry-run']);
  assert.equal(nothing.output, 'Nothing would change.\n');
  for (const { calls } of [table, json, nothing]) assert.ok(!calls.includes('b:1 17'));
  const removal = await run(['topic', 'rm', '订单', '--dry-run']);
  assert.deepEqual([removal.code, removal.calls.includes('b:1 215')], [0, false]);
});

test('a watched list is one JSON document a line, and one YAML document each', async () => {
  const json = await run(['topic', 'ls', '-w', '1', '-o', 'json'], { rounds: 2 });
  const lines = json.output.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)[0].topic),
    ['订单', '订单'],
  );
  const yaml = await run(['topic', 'ls', '-w', '-o', 'yaml'], { rounds: 2 });
  assert.equal(yaml.output.split('---\n- topic: 订单\n').length, 3, yaml.output);
});

test('a watched table is drawn over the one before on a screen, within its height', async () => {
  const screen = await run(['topic', 'ls', '-w'], { rounds: 2, columns: 80, rows: 2 });
  assert.equal(screen.output.split('\u001b[H').length, 3);
  assert.ok(!screen.output.includes('broker-a'), 'the last line of the screen stays free');
  const file = await run(['topic', 'ls', '-w'], { rounds: 2 });
  assert.ok(!file.output.includes('\u001b'));
  assert.equal(file.output.split('broker-a\n\n').length, 3);
});

test('figures of a broker that are known have titles, others their names', async () => {
  const runtime = '{"table":{"epoch":"7","bootTimestamp":"5","putTps":"0.0"}}';
  const { code, output } = await run(['broker', 'info'], {
    servers: { ...freshServers(), 'b:1': () => ({ body: runtime }) },
  });
  assert.equal(code, 0);
  assert.match(output, /^started +at 5$/m);
  assert.match(output, /^epoch +7$/m);
  assert.match(output, /^putTps +0\.0$/m);
});

test('help and version are no mistakes', async () => {
  const version = await run(['--version']);
  assert.deepEqual([version.code, version.output], [0, '1.2.3\n']);
  for (const line of [['--help'], ['topic', '--help'], ['topic', 'create', '--help']]) {
    const { code, output, errors } = await run(line);
    assert.deepEqual([code, errors], [0, '']);
    assert.match(output, /Usage: holdfast/);
  }
});

test('each operation has a command with help for each field, and a view for people', async () => {
  for (const operation of operations) {
    assert.ok(hasView(operation), operation.name);
    const { output } = await run([...operation.name.split(' '), '--help']);
    for (const [name, { description }] of Object.entries(operation.fields)) {
      const start = description.split(' ').slice(0, 2).join(' ');
      assert.ok(output.includes(start), `${operation.name} ${name}`);
    }
    assert.equal(output.includes('--yes'), operation.effect === 'destroy', operation.name);
    const changes = operation.effect !== 'read';
    assert.equal(operation.preview !== undefined, changes, `preview of ${operation.name}`);
    assert.equal(output.includes('--dry-run'), changes, operation.name);
  }
});

test('an operation that finds something wrong shows what, and ends with exit code 1', async () => {
  const verified = await run(['meta', 'verify', '-o', 'json']);
  assert.equal(verified.code, 1);
  const [group] = JSON.parse(verified.output);
  assert.deepEqual([group.group, group.equal], ['broker-a', false]);
  assert.match(verified.errors, /^holdfast: not all replicas are known to be equal: broker-a$/m);
});
