import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { queueOffset, timestampMs } from '../../../src/base/index.ts';
import {
  CreateTopic,
  encodeCommand,
  type Fields,
  FrameReader,
  HeartbeatData,
  type IncomingCommand,
  type OutgoingCommand,
  PullMessage,
  PullSysFlag,
  RequestCode,
  ResponseCode,
  SendMessageV2,
} from '../../../src/wire/index.ts';
import { cpu, p99, rate } from '../figures.ts';
import { type Bench, ours, type Row } from '../row.ts';
import { load, residentMb, startServer, usedCpuMs } from '../servers.ts';

const idleConnections = 10_000;
const suspendedPulls = 2_000;
const queues = 4;
const topic = 'bench-suspended';
/** So many connections are opened at once: the queue of a listener is limited. */
const openedAtOnce = 200;
const settleMs = 3_000;
/** Longer than the row runs, so that no pull is answered for its time. */
const suspendMs = 120_000;
const send = ['send', '-c', '8', '-w', '8'];

/** Load beside the connections, so that a cost for others shows. */
export const idle: Row = {
  name: 'idle-connections',
  title:
    '10,000 idle connections, each a client with a heartbeat: memory and CPU, and what a send load notices',
  async run(bench) {
    await using target = await startServer('holdfast');
    const count = Math.round(idleConnections * bench.scale);
    const alone = await load(bench, target, send, {
      seconds: bench.seconds,
      warm: bench.warmSeconds,
    });
    await sleep(settleMs);
    const beforeMb = residentMb(target.pid);
    bench.progress(`opens ${count} connections`);
    await using clients = await Clients.open(target.broker, count);
    await clients.ask((index) => ({ code: RequestCode.HEART_BEAT, body: heartbeat(index) }));
    await sleep(settleMs);
    const afterMb = residentMb(target.pid);
    const cpuMs = await cpuDuring(bench, target.pid);
    bench.progress('a send load beside them');
    const beside = await load(bench, target, send, { seconds: bench.seconds, warm: 1 });
    return [
      ours('connections', '', clients.open),
      ours('memory per connection', 'KB', ((afterMb - beforeMb) * 1024) / count),
      ours('CPU of the server while they are idle', 'ms/s', cpuMs),
      ours('CPU per idle connection', 'µs/s', (cpuMs * 1000) / count),
      ours('send without them: rate', '/s', rate(alone)),
      ours('send beside them: rate', '/s', rate(beside)),
      ours('send without them: p99', 'µs', p99(alone)),
      ours('send beside them: p99', 'µs', p99(beside)),
      ours('send without them: CPU per message', 'µs', cpu(alone)),
      ours('send beside them: CPU per message', 'µs', cpu(beside)),
    ];
  },
};

export const suspended: Row = {
  name: 'suspended-pulls',
  title: '2,000 suspended pulls, one a connection: memory, CPU, and how soon messages wake them',
  async run(bench) {
    await using target = await startServer('holdfast');
    const count = Math.round(suspendedPulls * bench.scale);
    const alone = await load(bench, target, send, {
      seconds: bench.seconds,
      warm: bench.warmSeconds,
    });
    await using tool = await Clients.open(target.broker, 1);
    await tool.ask(() => ({
      code: RequestCode.UPDATE_AND_CREATE_TOPIC,
      header: [CreateTopic, { topic, readQueueNums: queues, writeQueueNums: queues, perm: 6 }],
    }));
    await using clients = await Clients.open(target.broker, count);
    await sleep(settleMs);
    const beforeMb = residentMb(target.pid);
    const pulled = clients.ask((index) => pullOf(index % queues));
    await sleep(settleMs);
    const afterMb = residentMb(target.pid);
    const cpuMs = await cpuDuring(bench, target.pid);
    bench.progress('a send load to another topic beside them');
    const beside = await load(bench, target, send, { seconds: bench.seconds, warm: 1 });
    const waiting = clients.unanswered;
    const began = performance.now();
    for (let queueId = 0; queueId < queues; queueId++) await tool.ask(() => sendOf(queueId));
    const answers = await pulled;
    const wokenMs = performance.now() - began;
    const found = answers.filter(({ code }) => code === ResponseCode.SUCCESS).length;
    return [
      ours('pulls that wait', '', waiting),
      ours('memory per pull', 'KB', ((afterMb - beforeMb) * 1024) / count),
      ours('CPU of the server while they wait', 'ms/s', cpuMs),
      ours('CPU per waiting pull', 'µs/s', (cpuMs * 1000) / count),
      ours('send without them: rate', '/s', rate(alone)),
      ours('send beside them: rate', '/s', rate(beside)),
      ours('send without them: p99', 'µs', p99(alone)),
      ours('send beside them: p99', 'µs', p99(beside)),
      ours(`all woken by ${queues} messages, after`, 'ms', wokenMs),
      ours('of them, with a message', '', found),
    ];
  },
};

const idleSeconds = (bench: Bench): number => Math.max(2, 2 * bench.seconds);

/** Milliseconds of CPU per second, user and system, while nothing is asked. */
async function cpuDuring(bench: Bench, pid: number): Promise<number> {
  const before = usedCpuMs(pid);
  await sleep(idleSeconds(bench) * 1000);
  return (usedCpuMs(pid) - before) / idleSeconds(bench);
}

/** Connections to one server, with at most one request each. */
class Clients implements AsyncDisposable {
  readonly #sockets: readonly Socket[];
  readonly #waiting: ((answer: IncomingCommand) => void)[] = [];

  static async open(address: string, count: number): Promise<Clients> {
    const [host = '', port = ''] = address.split(':');
    const sockets: Socket[] = [];
    while (sockets.length < count) {
      const some = Array.from({ length: Math.min(openedAtOnce, count - sockets.length) }, () =>
        connect({ host, port: Number(port), noDelay: true }),
      );
      await Promise.all(some.map((socket) => once(socket, 'connect')));
      sockets.push(...some);
    }
    return new Clients(sockets);
  }

  private constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets;
    for (const [index, socket] of sockets.entries()) {
      const reader = new FrameReader();
      socket.on('error', () => {}); // `open` tells how many are left.
      socket.on('data', (bytes) =>
        reader.push(bytes, (command) => {
          if (command.isResponse) this.#waiting[index]?.(command.detach());
          delete this.#waiting[index];
        }),
      );
    }
  }

  get open(): number {
    return this.#sockets.filter(({ destroyed }) => !destroyed).length;
  }

  get unanswered(): number {
    return this.#waiting.filter(() => true).length;
  }

  /** One request on each connection, and its answer. */
  ask<F extends Fields>(
    request: (index: number) => Omit<OutgoingCommand<F>, 'opaque' | 'encoding'>,
  ): Promise<readonly IncomingCommand[]> {
    return Promise.all(
      this.#sockets.map((socket, index) => {
        const answer = new Promise<IncomingCommand>((resolve) => {
          this.#waiting[index] = resolve;
        });
        socket.write(encodeCommand<F>({ ...request(index), opaque: index, encoding: 'json' }));
        return answer;
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await sleep(0);
  }
}

function heartbeat(index: number): Uint8Array {
  const data = { clientID: `client-${index}`, producerDataSet: [{ groupName: 'idle-producers' }] };
  return HeartbeatData.encode(HeartbeatData.fromJson(data, 'heartbeat'));
}

function pullOf(queueId: number) {
  const header = {
    consumerGroup: 'bench-pullers',
    topic,
    queueId,
    queueOffset: queueOffset(0),
    maxMsgNums: 32,
    sysFlag: PullSysFlag.SUBSCRIPTION | PullSysFlag.SUSPEND,
    commitOffset: queueOffset(0),
    suspendTimeoutMillis: suspendMs,
    subscription: '*',
    subVersion: 1,
  };
  return { code: RequestCode.PULL_MESSAGE, header: [PullMessage, header] } as const;
}

function sendOf(queueId: number) {
  const header = {
    producerGroup: 'bench',
    topic,
    defaultTopic: 'TBW102',
    defaultTopicQueueNums: queues,
    queueId,
    sysFlag: 0,
    bornTimestamp: timestampMs(1_700_000_000_000),
    flag: 0,
  };
  return {
    code: RequestCode.SEND_MESSAGE_V2,
    header: [SendMessageV2, header],
    body: new Uint8Array(100),
  } as const;
}
