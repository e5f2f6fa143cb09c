import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { go } from './support/flavours.ts';
import { repository, type TemporaryFolder, temporaryFolder } from './support/locations.ts';
import { drafts } from './support/messages.ts';
import { ended, runOrThrow, start } from './support/processes.ts';
import type { Producer } from './support/push.ts';
import { startTarget, type Target } from './support/target.ts';
import { eventually } from './support/waiting.ts';
import { directly, freshName, newClient } from './support/world.ts';

/**
 * The examples of the Go client as its authors wrote them. They name the name server 127.0.0.1:9876 and a broker on
 * 10911, so these ports must be free: `.ci/run` gives the test a network of its own.
 */
const examplesPackage = 'github.com/apache/rocketmq-client-go/v2/examples';
const ports = { nameServer: 9876, broker: 10911 };

interface Example {
  /** What it prints for each message. */
  readonly prints: RegExp;
  readonly times: number;
  /** What it consumes. */
  readonly topic?: string;
  readonly tag?: string;
}

const sends = (times: number): Example => ({ prints: /send message success/g, times });
const consumes = (topic: string, prints = /^subscribe callback: /gm): Example => {
  return { prints, times: 6, topic };
};
const polls = { topic: 'ns%test-topic', tag: 'testPull', times: 6 };

const examples: Readonly<Record<string, Example>> = {
  'producer/simple': sends(10),
  'producer/async': sends(10),
  'producer/batch': sends(1),
  'producer/tag': sends(3),
  'producer/delay': sends(10),
  'producer/delayms': sends(10), // Without an argument it delays nothing.
  'producer/interceptor': sends(10),
  'producer/trace': sends(1),
  'producer/tls': sends(10),
  'producer/acl': sends(50), // Of 100,000.
  'producer/namespace': sends(50),
  // Far from the other orderly one: locks of a killed consumer live for a minute.
  'consumer/retry/order': consumes(
    'TopicTest',
    /^subscribe orderly callback: .*ReconsumeTimes=1/gm,
  ),
  'consumer/simple': consumes('test'),
  'consumer/tag': { ...consumes('TopicTest'), tag: 'TagC' },
  'consumer/strategy': consumes('TopicTest'),
  'consumer/delay': consumes('TopicTest', /^Receive message\[/gm),
  'consumer/interceptor': consumes('TopicTest', /^user second interceptor after invoke: /gm),
  'consumer/trace': consumes('TopicTest'),
  'consumer/retry/concurrent': consumes('TopicTest', /^subscribe callback: .*ReconsumeTimes=1/gm),
  'consumer/broadcast': consumes('min'),
  'consumer/tls': consumes('test'),
  'consumer/acl': consumes('test'),
  'consumer/namespace': consumes('namespace%test'),
  'consumer/pull/pull': { ...polls, prints: /pull message successfully/g },
  'consumer/pull/poll': { ...polls, prints: /msgList: /g },
  'consumer/pull/poll_assign': { ...polls, prints: /msgList: /g },
  'consumer/orderly': consumes('TopicTest', /^subscribe orderly callback: /gm),
  'admin/topic': { prints: /newOne|test/g, times: 1 },
  'admin/group': { prints: /testGroup/g, times: 1 },
};

const notRun: Readonly<Record<string, string>> = {
  'producer/transaction': 'transactions are refused',
  'producer/rpc/sync': 'request-reply is refused',
  'producer/rpc/async': 'request-reply is refused',
  'consumer/rpc': 'request-reply is refused',
  'consumer/pull/pull_from': 'keeps its offsets in Redis',
};

const startLimitMs = 300_000;
const exampleLimitMs = 180_000;
/** Locks of a killed consumer, and a turn of rebalancing. */
const patienceMs = 100_000;

let folder: TemporaryFolder;
let target: Target;
let client: ReturnType<typeof newClient>;
let producer: Producer;

before(
  async () => {
    folder = await temporaryFolder('examples');
    target = await startTarget({ ports });
    client = newClient(directly(target, await go.build(folder.path)));
    producer = await client.startProducer(freshName('producers'));
  },
  { timeout: startLimitMs },
);
after(async () => {
  await client?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

test('each example of the client is run, or has a reason', async () => {
  const printed = await inModule('list', '-e', `${examplesPackage}/...`);
  const names = printed
    .split('\n')
    .filter((line) => line.length > 0)
    .map((line) => line.slice(examplesPackage.length + 1));
  assert.deepEqual(names.sort(), [...Object.keys(examples), ...Object.keys(notRun)].sort());
});

for (const [name, example] of Object.entries(examples)) {
  test(`example ${name}`, { timeout: exampleLimitMs }, () => runExample(name, example));
}

/** Until it has printed what it should. Most consumers would go on for an hour. */
async function runExample(name: string, { prints, times, topic, tag }: Example): Promise<void> {
  const program = join(folder.path, name.replaceAll('/', '-'));
  await inModule('build', '-o', program, `${examplesPackage}/${name}`);
  if (topic !== undefined) {
    const tags = tag ?? 'TagA';
    await producer.send(
      'sync',
      drafts(topic, 8, () => ({ tags })),
    );
  }
  const env = { ...process.env, HOME: folder.path };
  const child = start(program, [], { stdio: ['ignore', 'pipe', 'pipe'], env });
  try {
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
    }
    const count = (): number => [...text.matchAll(prints)].length;
    const what = (): string => `${prints} ${times} times (${count()} came)\n${text.slice(-2000)}`;
    await eventually(patienceMs, what, () => {
      if (count() >= times) return true;
      if (child.exitCode !== null) assert.ok(count() >= times, `ended, and ${what()}`);
      return undefined;
    });
    assert.doesNotMatch(text, /^(send message|Create topic|Delete topic|\w+) error: /m);
  } finally {
    child.kill('SIGKILL');
    await ended(child);
  }
}

function inModule(...args: readonly string[]): Promise<string> {
  return runOrThrow('go', args, {
    limitMs: startLimitMs,
    cwd: join(repository, 'test/interop/go'),
  });
}
