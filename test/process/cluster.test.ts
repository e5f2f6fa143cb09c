import { strict as assert } from 'node:assert';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { request } from '../interop/support/frames.ts';
import { type TemporaryFolder, temporaryFolder } from '../interop/support/locations.ts';
import {
  disown,
  ended,
  isAlive,
  own,
  type RunResult,
  run,
  start,
} from '../interop/support/processes.ts';
import { program } from '../interop/support/target-holdfast.ts';
import { eventually, within } from '../interop/support/waiting.ts';

/** `holdfast cluster` and its commands, as a person at two terminals uses them. Needs `npm run build`. */
const limitMs = 180_000;
const startLimitMs = 90_000;
const stopLimitMs = 60_000;
const commandLimitMs = 60_000;
const updateTopic = 17;
const topicConfig = 351;
const brokerConfig = 26;

interface Node {
  readonly name: string;
  readonly kind: 'nameserver' | 'controller' | 'broker';
  readonly role?: 'master' | 'slave';
  readonly state: 'running' | 'paused' | 'dead';
  readonly address: string;
  readonly pid: number | null;
  readonly inSync?: boolean;
  readonly brokerName?: string;
  readonly metrics?: string;
}

interface Ready {
  readonly ready: boolean;
  readonly nameserver: string;
  readonly controller?: string;
  readonly brokers: readonly Node[];
  readonly dataDir: string;
  readonly pid: number;
}

/** One terminal with `holdfast cluster` in it; `holdfast` is the other one. */
class Terminal implements AsyncDisposable {
  readonly ready: Ready;
  readonly #child: ReturnType<typeof start>;
  readonly #owned = new Set<number>();

  private constructor(child: ReturnType<typeof start>, ready: Ready) {
    this.#child = child;
    this.ready = ready;
  }

  static async open(data: string, ...args: readonly string[]): Promise<Terminal> {
    const command = [program(), 'cluster', '--json', '--data', data, ...args];
    const child = start(process.execPath, command, {
      stdio: ['ignore', 'pipe', 'inherit'],
      // Clusters that run are announced in the folder for temporary files: here completion sees this one only.
      env: { ...process.env, TMPDIR: dirname(data) },
    });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const line = new Promise<string>((resolve) => lines.once('line', resolve));
    const early = ended(child).then(({ code }) => `it ended with ${code}`);
    const said = await within(startLimitMs, 'start of the cluster', Promise.race([line, early]));
    assert.match(said, /^\{/, said);
    const terminal = new Terminal(child, JSON.parse(said) as Ready);
    await terminal.nodes();
    return terminal;
  }

  holdfast(...args: readonly string[]): Promise<RunResult> {
    const command = [program(), 'cluster', ...args, '--data', this.ready.dataDir];
    return run(process.execPath, command, { limitMs: commandLimitMs });
  }

  async done(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.holdfast(...args);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  async nodes(): Promise<readonly Node[]> {
    const said = JSON.parse(await this.done('status', '-o', 'json')) as { nodes: readonly Node[] };
    for (const { pid } of said.nodes) {
      if (pid === null || this.#owned.has(pid)) continue;
      this.#owned.add(pid);
      own(pid); // They outlive the process that started them.
    }
    return said.nodes;
  }

  async node(name: string): Promise<Node> {
    const found = (await this.nodes()).find((node) => node.name === name);
    assert(found !== undefined, name);
    return found;
  }

  async until(what: string, holds: (nodes: readonly Node[]) => boolean): Promise<void> {
    let last: readonly Node[] = [];
    const describe = (): string => `${what}: ${JSON.stringify(last)}`;
    await eventually(startLimitMs, describe, async () => {
      last = await this.nodes();
      return holds(last) || undefined;
    });
  }

  /** Ctrl+C. */
  async interrupt(): Promise<number | null> {
    this.#child.kill('SIGINT');
    return (await within(stopLimitMs, 'end of the cluster', ended(this.#child))).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    await within(stopLimitMs, 'end of the cluster', ended(this.#child));
    for (const pid of this.#owned) {
      assert(!isAlive(pid), `process ${pid} was left behind`);
      disown(pid);
    }
  }
}

const isComplete = (nodes: readonly Node[]): boolean => {
  const brokers = nodes.filter(({ kind }) => kind === 'broker');
  return brokers.every(({ inSync, state }) => inSync === true && state === 'running');
};

async function createTopic(address: string, topic: string): Promise<number> {
  const { header } = await request(address, updateTopic, {
    ...{ topic, defaultTopic: 'TBW102', readQueueNums: '1', writeQueueNums: '1' },
    ...{ perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' },
  });
  return header.code;
}

const hasTopic = async (address: string, topic: string): Promise<boolean> =>
  (await request(address, topicConfig, { topic })).header.code === 0;

const summary = (nodes: readonly Node[]): readonly string[] =>
  nodes.map(({ name, kind, role = '-', state }) => `${name} ${kind} ${role} ${state}`);

function on(name: string, act: (folder: TemporaryFolder) => Promise<void>): void {
  test(name, { timeout: limitMs }, async () => {
    await using folder = await temporaryFolder('cluster-test');
    await act(folder);
  });
}

on(
  'two replicas: kill, pause, resume and start of nodes, and all is there after a stop and a start',
  async (folder) => {
    const data = join(folder.path, 'cluster');
    {
      await using terminal = await Terminal.open(data, '--set', 'maxMessageSize=123456');
      const { ready } = terminal;
      assert.equal(ready.ready, true);
      assert.equal(ready.dataDir, data);
      assert.equal(ready.brokers.length, 2);
      await terminal.until('both in sync', isComplete);
      const nodes = await terminal.nodes();
      assert.deepEqual(summary(nodes), [
        'nameserver nameserver - running',
        'controller controller - running',
        'broker-a-1 broker master running',
        'broker-a-2 broker slave running',
      ]);
      for (const { pid, address } of nodes) {
        assert(pid !== null && isAlive(pid));
        assert.match(address, /^127\.0\.0\.1:\d+$/);
      }
      const master = await terminal.node('broker-a-1');
      const configuration = await request(master.address, brokerConfig);
      assert.match(Buffer.from(configuration.body).toString(), /^maxMessageSize=123456$/m);
      assert.equal(await createTopic(master.address, 'kept'), 0);
      const table = await terminal.done('status');
      assert.match(table, /^broker-a-1\s+broker\s+master\s+running\s+yes\s/m);

      await terminal.done('pause', 'broker-a-2');
      assert.equal((await terminal.node('broker-a-2')).state, 'paused');
      const twice = await terminal.holdfast('start', 'broker-a-2');
      assert.equal(twice.code, 1);
      assert.match(twice.stderr, /broker-a-2 is paused/);
      await terminal.done('resume', 'broker-a-2');
      await terminal.until('both in sync', isComplete);

      const offered = async (action: string): Promise<string> => {
        const words = ['complete', '--', 'cluster', action, 'broker-'];
        const { stdout } = await run(process.execPath, [program(), ...words], {
          limitMs: commandLimitMs,
          env: { ...process.env, TMPDIR: folder.path },
        });
        return stdout.replaceAll('\t', '').trim();
      };
      assert.equal(await offered('kill'), 'broker-a-1\nbroker-a-2');
      assert.equal(await offered('start'), '');
      await terminal.done('kill', 'broker-a-1');
      assert.equal(await offered('start'), 'broker-a-1');
      const killed = await terminal.node('broker-a-1');
      assert.deepEqual([killed.state, killed.pid], ['dead', null]);
      const again = await terminal.holdfast('kill', 'broker-a-1');
      assert.match(again.stderr, /broker-a-1 is dead/);
      await terminal.until('the other one leads', (all) =>
        all.some(({ name, role }) => name === 'broker-a-2' && role === 'master'),
      );
      const next = await terminal.node('broker-a-2');
      await eventually(startLimitMs, 'a topic', async () =>
        (await createTopic(next.address, 'later')) === 0 ? true : undefined,
      );
      await terminal.done('start', 'broker-a-1');
      await terminal.until('both in sync', isComplete);
      assert.equal((await terminal.node('broker-a-1')).address, master.address);
      const unknown = await terminal.holdfast('kill', 'broker-z-9');
      assert.equal(unknown.code, 2);
      assert.match(unknown.stderr, /there is no node broker-z-9; there are nameserver, controller/);
      const second = await run(process.execPath, [program(), 'cluster', '--data', data], {
        limitMs: commandLimitMs,
      });
      assert.equal(second.code, 2);
      assert.match(second.stderr, /a cluster already runs in/);
      await terminal.done('stop');
      assert.match((await terminal.holdfast('kill', 'broker-a-1')).stderr, /no cluster runs in/);
    }
    const other = await run(process.execPath, [program(), 'cluster', '--data', data, '--static'], {
      limitMs: commandLimitMs,
    });
    assert.equal(other.code, 2);
    assert.match(other.stderr, /was made with --replicas 2 --groups 1/);
    await using terminal = await Terminal.open(data);
    await terminal.until('both in sync', isComplete);
    for (const { kind, role, address } of await terminal.nodes()) {
      if (kind !== 'broker' || role !== 'master') continue;
      for (const topic of ['kept', 'later']) assert(await hasTopic(address, topic), topic);
    }
  },
);

on('one replica of two groups, each with its own topics', async (folder) => {
  await using terminal = await Terminal.open(
    join(folder.path, 'cluster'),
    ...['--replicas', '1', '--groups', '2'],
  );
  await terminal.until('both lead', isComplete);
  const nodes = await terminal.nodes();
  assert.deepEqual(summary(nodes).slice(2), [
    'broker-a-1 broker master running',
    'broker-b-1 broker master running',
  ]);
  const [a, b] = nodes.filter(({ kind }) => kind === 'broker');
  assert(a !== undefined && b !== undefined);
  assert.deepEqual([a.brokerName, b.brokerName], ['broker-a', 'broker-b']);
  assert.equal(await createTopic(b.address, 'only-b'), 0);
  assert.deepEqual(
    [await hasTopic(a.address, 'only-b'), await hasTopic(b.address, 'only-b')],
    [false, true],
  );
});

on(
  'three replicas without a controller: replica 1 leads for good, also after all were stopped',
  async (folder) => {
    const data = join(folder.path, 'cluster');
    for (const round of [1, 2]) {
      const metrics = ['--set', 'metricsExporterType=PROM'];
      await using terminal = await Terminal.open(data, '--replicas', '3', '--static', ...metrics);
      assert.equal(terminal.ready.controller, undefined);
      await terminal.until('all in sync', isComplete);
      assert.deepEqual(summary(await terminal.nodes()), [
        'nameserver nameserver - running',
        'broker-a-1 broker master running',
        'broker-a-2 broker slave running',
        'broker-a-3 broker slave running',
      ]);
      const { address } = await terminal.node('broker-a-1');
      assert.equal(await createTopic(address, `round-${round}`), 0);
      assert(await hasTopic(address, 'round-1'));
      for (const { kind, metrics: at, role } of await terminal.nodes()) {
        if (kind !== 'broker') continue;
        const page = await (await fetch(`http://${at}/metrics`)).text();
        assert.match(page, new RegExp(`^holdfast_role{.*role="${role}"} 1$`, 'm'));
      }
      if (round === 2) break;
      await terminal.done('kill', 'broker-a-1');
      await terminal.until('nobody leads', (nodes) => nodes.every(({ role }) => role !== 'master'));
      await terminal.done('start', 'broker-a-1');
      await terminal.until('all in sync', isComplete);
      assert.equal(await terminal.interrupt(), 0);
    }
  },
);

on('a node that dies by itself is reported, and a wrong option names itself', async (folder) => {
  const data = join(folder.path, 'cluster');
  const bad = [
    [['--replicas', '4'], /--replicas must be between 1 and 3, not "4"/],
    [['--groups', '0'], /--groups must be between 1 and 26, not "0"/],
    [['--set', 'listenPort'], /--set/],
    [['--replicas', '1', '--set', 'flushDiskType=NEVER'], /flushDiskType/],
  ] as const;
  for (const [args, says] of bad) {
    const given = [program(), 'cluster', '--data', data, ...args];
    const { code, stderr } = await run(process.execPath, given, { limitMs: commandLimitMs });
    assert.notEqual(code, 0, args.join(' '));
    assert.match(stderr, says);
  }
  const log = join(folder.path, 'said');
  const command = `exec ${process.execPath} ${program()} cluster --json --replicas 1 --data ${data}2 2>${log}`;
  const child = start('bash', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] });
  await within(
    startLimitMs,
    'start of the cluster',
    new Promise((resolve) => child.stdout?.once('data', resolve)),
  );
  const file = await readFile(join(`${data}2`, 'broker-a-1', 'process.json'), 'utf8');
  const { pid } = (JSON.parse(file) as { process: { pid: number } }).process;
  process.kill(pid, 'SIGKILL');
  await eventually(commandLimitMs, 'a line about its death', async () =>
    /holdfast: broker-a-1 died: last it said/.test(await readFile(log, 'utf8')) ? true : undefined,
  );
  child.kill('SIGTERM');
  assert.equal((await within(stopLimitMs, 'end of the cluster', ended(child))).code, 0);
});
