import type { ChildProcess } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ReceivedLine, readable } from './messages.ts';
import { ended, start } from './processes.ts';
import { LitePullConsumer, PullConsumer, type PullOptions } from './pull.ts';
import { Consumer, Producer } from './push.ts';
import { within } from './waiting.ts';

/** Starts of virtual machines on a busy machine take longest. */
const answerLimitMs = 90_000;

/** How to run one of the official clients; see test/interop/java and test/interop/go. */
export interface Flavour {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Logs of the clients go here. */
  readonly folder: string;
  /** It commits what it consumed of each queue that another consumer gets. */
  readonly commitsWhatItGivesAway: boolean;
}

type Answer = { readonly id: number; readonly result?: unknown; readonly error?: string };
type Line = Answer | { readonly name: string; readonly received: ReceivedLine };
export interface ClientOptions {
  readonly flavour: Flavour;
  readonly nameServer: string;
  readonly patienceMs: number;
}

let clients = 0;

/** One process with an official client in it, and what it is asked to do. */
export class Client implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly patienceMs: number;
  readonly #nameServer: string;
  readonly #log: string;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  readonly #consumers = new Map<string, Consumer>();
  #requests = 0;
  #failure: Error | undefined;

  constructor({ flavour, nameServer, patienceMs }: ClientOptions) {
    this.#nameServer = nameServer;
    this.patienceMs = patienceMs;
    clients += 1;
    this.#log = join(flavour.folder, `client-${clients}.log`);
    const env = { ...process.env, ...flavour.environment };
    this.#child = start(flavour.command, flavour.args, { stdio: 'pipe', env });
    this.#child.stderr?.on('data', (bytes: Buffer) => appendFileSync(this.#log, bytes));
    this.#child.stdin?.on('error', () => {}); // A killed client; its end is reported below.
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.#take(JSON.parse(line) as Line);
    });
    const fail = (failure: Error): void => {
      this.#failure = failure;
      for (const [id, settle] of this.#pending) settle({ id, error: failure.message });
    };
    ended(this.#child).then(
      ({ code, signal }) => fail(new Error(`the client ended with ${signal ?? code}`)),
      fail,
    );
  }

  /** What `operation` answers, once it is done. */
  async ask<T>(operation: string, fields: Readonly<Record<string, unknown>>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#requests += 1;
    const id = this.#requests;
    const answered = new Promise<Answer>((resolve) => this.#pending.set(id, resolve));
    this.#child.stdin?.write(`${JSON.stringify({ id, do: operation, ...fields })}\n`);
    const { result, error } = await within(answerLimitMs, operation, answered);
    if (error !== undefined) throw new Error(`${operation}: ${error}`);
    return result as T;
  }

  async startProducer(group: string, options: ProducerOptions = {}): Promise<Producer> {
    const name = this.#freshName('producer');
    await this.ask('startProducer', this.#connected({ name, group, retries: 0, ...options }));
    return new Producer(this, name);
  }

  async startConsumer(options: ConsumerOptions): Promise<Consumer> {
    const name = options.name ?? this.#freshName('consumer');
    const consumer = new Consumer(this, name);
    this.#consumers.set(name, consumer);
    const given = { expression: '*', from: 'CONSUME_FROM_FIRST_OFFSET', ...options, name };
    await this.ask('startConsumer', this.#connected(given));
    return consumer;
  }

  async startLitePull(options: PullOptions): Promise<LitePullConsumer> {
    const name = this.#freshName('lite');
    await this.ask('startLitePull', this.#connected({ name, expression: '*', ...options }));
    return new LitePullConsumer(this, { name, topic: options.topic });
  }

  async startPull(options: PullOptions): Promise<PullConsumer> {
    const name = this.#freshName('pull');
    await this.ask('startPull', this.#connected({ name, ...options }));
    return new PullConsumer(this, { name, topic: options.topic });
  }

  #connected(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    return { ...fields, nameServer: this.#nameServer };
  }

  /** SIGSTOP and SIGCONT: it does nothing meanwhile, not even with what has arrived. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** SIGKILL: nothing is committed and nobody unregisters. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await ended(this.#child);
  }

  /** The broker knows clients by address and this name, so no two may have the same. */
  #freshName(kind: string): string {
    return `${kind}-${this.#child.pid}-${this.#requests}`;
  }

  #take(line: Line): void {
    if ('received' in line) {
      this.#consumers.get(line.name)?.received.push(readable(line.received));
    } else {
      this.#pending.get(line.id)?.(line);
      this.#pending.delete(line.id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
/** What producers and consumers have in common. */
interface ConnectionOptions {
  /** Through the port that is two below the broker's. */
  readonly vip?: boolean;
  readonly tls?: boolean;
  /** Records of what is sent or consumed go to RMQ_SYS_TRACE_TOPIC. */
  readonly trace?: boolean;
  /** How often it asks name servers for routes; only the Java client can be told. */
  readonly pollMs?: number;
}

export interface ProducerOptions extends ConnectionOptions {
  readonly retries?: number;
  /** Of a send with its retries; only the Java client can be told. */
  readonly timeoutMs?: number;
  /** Of bodies over 4 KiB. */
  readonly compression?: 'LZ4' | 'ZSTD' | 'ZLIB';
}

export interface ConsumerOptions extends ConnectionOptions {
  /** Of the client; one that starts again under its name finds its local offsets. */
  readonly name?: string;
  readonly group: string;
  readonly topic: string;
  readonly expression?: string;
  readonly from?:
    | 'CONSUME_FROM_FIRST_OFFSET'
    | 'CONSUME_FROM_LAST_OFFSET'
    | 'CONSUME_FROM_TIMESTAMP';
  /** Digits of year, month, day, hour, minute and second. */
  readonly timestamp?: string;
  readonly orderly?: boolean;
  readonly broadcast?: boolean;
  /** The broker says which queues are its. */
  readonly assigned?: boolean;
  /** It names its subscriptions only once. */
  readonly shortHeartbeats?: boolean;
  /** How often each message with the tag `failing` fails. */
  readonly failures?: number;
  /** Of the retries; 0 leaves it to the broker. */
  readonly retryDelayLevel?: number;
  readonly maxRetries?: number;
  /** How long each message takes. */
  readonly pauseMs?: number;
}
