import assert from 'node:assert/strict';
import {
  heartbeatRequest,
  pullRequest,
  sendRequest,
  TestBroker,
} from '../../src/broker/test-broker.ts';
import { encodeCommand, type OutgoingCommand } from '../../src/wire/index.ts';
import type { SimRandom } from '../sim/ports/index.ts';
import { capturedFrames } from './corpus.ts';
import { mutated } from './mutate.ts';

const topic = 'kept';
const server = { host: 'broker', port: 10911 };

/** Frames of clients and tools, also of requests that the captured ones lack. */
const corpus: readonly Uint8Array[] = [
  ...capturedFrames(),
  ...(['json', 'rocketmq'] as const).flatMap((encoding) =>
    [
      sendRequest('strange', 'body', { properties: { KEYS: 'k', TAGS: 'a' } }),
      pullRequest({ topic, group: 'strangers', suspendMs: 1000 }),
      heartbeatRequest('stranger', { consumers: { strangers: [topic] }, producers: ['p'] }),
    ].map((request, opaque) => {
      const command = { ...request, opaque, encoding } as OutgoingCommand;
      return encodeCommand(command);
    }),
  ),
];

export interface BrokerFuzz {
  /** Connections that sent bytes, and how many of them the broker closed. */
  readonly connections: number;
  readonly closed: number;
  readonly answers: number;
}

/**
 * Strangers send changed frames to a broker while a client uses it; the client is answered, nothing that it was
 * acknowledged is lost, and no bug shows, also after the broker was killed and started again.
 */
export async function fuzzBroker(random: SimRandom, strangers: number): Promise<BrokerFuzz> {
  const broker = new TestBroker({ segmentBytes: 1024 * 1024 }, random.seed);
  await broker.start();
  const client = broker.client('friend');
  assert.equal((await client.createTopic(topic)).code, 'SUCCESS');
  const sent: string[] = [];
  let closed = 0;
  let answers = 0;
  for (let number = 0; number < strangers; number++) {
    const stranger = { isClosed: false, bytes: 0 };
    const connection = await broker.complete(
      broker.world.node('stranger').network.connect(server, { timeoutMs: 5000 }, () => ({
        data(bytes) {
          stranger.bytes += bytes.length;
        },
        drained() {},
        closed() {
          stranger.isClosed = true;
        },
      })),
    );
    for (let frames = 1 + random.below(8); frames > 0; frames--) {
      connection.write(
        random.chance(0.2) ? (pickOf(random) ?? new Uint8Array()) : mutated(random, corpus),
      );
    }
    await broker.runFor(random.below(50));
    if (random.chance(0.5)) connection.destroy();
    const body = `message ${number}`;
    const { code } = await client.send(topic, body);
    assert.equal(code, 'SUCCESS');
    sent.push(body);
    if (stranger.isClosed) closed++;
    if (stranger.bytes > 0) answers++;
    checkNoBug(broker);
  }
  assert.deepEqual(await kept(broker), sent);
  await broker.crash({ powerLoss: false });
  assert.deepEqual(await kept(broker), sent);
  await broker.stop();
  checkNoBug(broker);
  return { connections: strangers, closed, answers };
}

function pickOf(random: SimRandom): Uint8Array | undefined {
  return corpus[random.below(corpus.length)];
}

async function kept(broker: TestBroker): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const pulled = await broker.client('friend').pull({ topic, offset: bodies.length });
    if (pulled.bodies.length === 0) return bodies;
    bodies.push(...pulled.bodies);
  }
}

function checkNoBug(broker: TestBroker): void {
  assert.equal(broker.failed, undefined);
  const bugs = broker.lines.filter(({ message }) => message.startsWith('bug '));
  assert.deepEqual(bugs, []);
}
