/**
 * CPU of the broker's send path without sockets: frames as a client writes them go in by a network of function calls,
 * answers are counted and dropped; the log goes to a real file. usage: node build/bench/micro/send-path.js [MESSAGES]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Address,
  type Connection,
  type ConnectionHandler,
  type Network,
  silentLogger,
} from '../../src/base/index.ts';
import { Broker, brokerOptions } from '../../src/broker/index.ts';
import { nodeClock, nodeDisk, nodeKeyValueStores, nodeRandom } from '../../src/node/index.ts';
import { encodeCommand, RequestCode, SendMessageV2 } from '../../src/wire/index.ts';

const messages = Number(process.argv[2] ?? 400_000);
const connections = 8;
const window = 8;
const bodyBytes = 1024;
const here: Address = { host: '127.0.0.1', port: 10911 };

let answered = 0;

/** A peer that never reads: the broker's writes end here. */
class Peer implements Connection {
  readonly remote: Address = here;
  readonly local: Address = here;
  readonly unsentBytes = 0;
  readonly isEncrypted = false;
  handler!: ConnectionHandler;
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; answered++) {
      at += 4 + new DataView(bytes.buffer, bytes.byteOffset + at).getInt32(0);
    }
  }
  pauseReading(): void {}
  resumeReading(): void {}
  end(): void {
    this.handler.closed();
  }
  destroy(): void {
    this.handler.closed();
  }
}

const peers: Peer[] = [];
const network: Network = {
  async listen(_at, accept) {
    for (let index = 0; index < connections; index++) {
      const peer = new Peer();
      peer.handler = accept(peer);
      peers.push(peer);
    }
    return { address: here, close: async () => {} };
  },
  connect: () => Promise.reject(new Error('nobody is there')),
};

function frame(opaque: number): Uint8Array {
  return encodeCommand({
    code: RequestCode.SEND_MESSAGE_V2,
    opaque: 100_000_000 + opaque,
    flag: 0,
    encoding: 'json',
    header: [
      SendMessageV2,
      {
        producerGroup: 'bench',
        topic: 'bench',
        defaultTopic: 'TBW102',
        defaultTopicQueueNums: 8,
        queueId: opaque % 8,
        sysFlag: 0,
        bornTimestamp: 1_700_000_000_000 as never,
        flag: 0,
        properties: `UNIQ_KEY\u0001${String(opaque).padStart(32, '0')}\u0002WAIT\u0001true\u0002`,
        reconsumeTimes: 0,
        unitMode: false,
        maxReconsumeTimes: 0,
        batch: false,
      },
    ],
    body: new Uint8Array(bodyBytes).fill(opaque),
  });
}

const folder = mkdtempSync(join(tmpdir(), 'holdfast-send-path-'));
const defaults = Object.fromEntries(
  Object.entries(brokerOptions).map(([name, option]) => [name, option.default]),
);
const options = { ...defaults, storePath: folder, bindAddress: '127.0.0.1' } as never;
const broker = await Broker.start(options, {
  clock: nodeClock,
  disk: nodeDisk,
  keyValueStores: nodeKeyValueStores,
  network,
  random: nodeRandom,
  logger: silentLogger,
  bootId: undefined,
});

/** One turn of 64 requests, as 8 connections with 8 in flight send them. */
const chunks = Array.from({ length: 64 }, (_, turn) => {
  const frames = Array.from({ length: window }, (_, index) => frame(turn * window + index));
  return Buffer.concat(frames);
});

async function run(count: number): Promise<void> {
  const goal = answered + count;
  for (let turn = 0; answered < goal; turn++) {
    for (const peer of peers) {
      peer.handler.data(chunks[turn % chunks.length] as Buffer);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

await run(messages / 4);
const before = process.cpuUsage();
const startedAt = performance.now();
await run(messages);
const cpu = process.cpuUsage(before);
const elapsedMs = performance.now() - startedAt;
const perMessage = (microseconds: number): string => (microseconds / messages).toFixed(2);
console.log(
  `${messages} messages of ${bodyBytes} bytes: user ${perMessage(cpu.user)} us, system ${perMessage(cpu.system)} us, ` +
    `wall ${perMessage(elapsedMs * 1000)} us a message`,
);
await broker.stop();
rmSync(folder, { recursive: true, force: true });
