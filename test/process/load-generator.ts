import { statSync } from 'node:fs';
import { join } from 'node:path';
import { request } from '../interop/support/frames.ts';
import { cacheFolder, loadGeneratorSource } from '../interop/support/locations.ts';
import { run, runOrThrow, start } from '../interop/support/processes.ts';
import { eventually, within } from '../interop/support/waiting.ts';

const getMaxOffset = 30;
const buildLimitMs = 120_000;
const verifyLimitMs = 300_000;
const beginLimitMs = 60_000;
const endLimitMs = 30_000;

/** What a verify found, in messages. All but `journal` must be 0. */
export interface Verdict {
  readonly journal: number;
  readonly faults: number;
  readonly text: string;
}

/** What a run of the load generator reports, as far as it is used here. Latencies in microseconds. */
export interface LoadReport {
  readonly seconds: number;
  /** Acknowledged requests a second; of a pull run, messages. */
  readonly rate: number;
  readonly ackedTotal: number;
  /** Of a mixed run: messages that its consumers got. */
  readonly consumedTotal?: number;
  readonly latencyUs: Latency;
  readonly endToEndUs?: Latency;
  /** Answers by code. */
  readonly codes: Readonly<Record<string, number>>;
  readonly timeouts: number;
  readonly broken: number;
  readonly unsent?: number;
  readonly longestGapMs: number;
  readonly servers: readonly ServerUse[];
  readonly generatorCores: number;
  /** Used by what is neither generator nor server. */
  readonly otherCores: number;
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface ServerUse {
  /** User and system time for each acknowledged request, or pulled message. */
  readonly cpuUs: number;
  readonly rssMb: number;
  readonly peakRssMb: number;
}

/** The load generator: it notes in journals what a broker acknowledged, and checks it. */
export class LoadGenerator {
  readonly #program: string;

  private constructor(program: string) {
    this.#program = program;
  }

  static async build(): Promise<LoadGenerator> {
    const folder = await cacheFolder('holdfast-loadgen');
    await runOrThrow('make', ['-s', '-C', loadGeneratorSource(), `OUT=${folder}`], {
      limitMs: buildLimitMs,
    });
    return new LoadGenerator(join(folder, 'loadgen'));
  }

  /** Runs until `end` is called; connections that break are made again. */
  begin(args: readonly string[]): Load {
    const given = [...args, '--json', '--reconnect', '--warm', '0', '-d', '3600'];
    const child = start(this.#program, given, { stdio: ['ignore', 'pipe', 'pipe'] });
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (part: string) => {
        texts[name] += part;
      });
    }
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    return {
      async end() {
        child.kill('SIGINT'); // It awaits what is in flight, closes its journal and reports.
        const code = await within(endLimitMs, 'end of the load generator', closed);
        // 1: nothing was acknowledged; 3: connections broke. Both are what a kill does.
        if (code !== 0 && code !== 1 && code !== 3) {
          const said = `${texts.stderr}${texts.stdout}`;
          throw new Error(`loadgen ${args.join(' ')}: status ${code}\n${said}`);
        }
        return JSON.parse(texts.stdout) as LoadReport;
      },
    };
  }

  /** One run to its end. Refused requests and broken connections are no failure here; the report counts them. */
  async measure(args: readonly string[], limitMs: number): Promise<LoadReport> {
    const given = [...args, '--json'];
    const { code, stdout, stderr } = await run(this.#program, given, { limitMs });
    if (code !== 0 && code !== 3) {
      throw new Error(`loadgen ${args.join(' ')}: status ${code}\n${stderr}${stdout}`);
    }
    return JSON.parse(stdout) as LoadReport;
  }

  /** The server that acknowledges everything and stores nothing; it ends when it is disposed of. */
  echo(address: string): Disposable & { readonly pid: number } {
    const child = start(this.#program, ['echo', '-a', address], { stdio: 'ignore' });
    if (child.pid === undefined) throw new Error('loadgen echo was not started');
    return { pid: child.pid, [Symbol.dispose]: () => child.kill('SIGKILL') };
  }

  /** Each acknowledged message of a journal is stored once, at its offset, with its content. */
  async verifyMessages(broker: string, journal: string): Promise<Verdict> {
    const verify = await this.#verify(['verify', '-a', broker, '-j', journal]);
    const { lost, moved, corrupt, duplicate, doubleAcked, brokerCrcBad, holes } = verify;
    const faults = { lost, moved, corrupt, duplicate, doubleAcked, brokerCrcBad, holes };
    return verdict(verify, faults);
  }

  /** Each acknowledged topic of a journal is there. */
  async verifyTopics(broker: string, journal: string): Promise<Verdict> {
    if (statSync(journal).size === 0) return verdict({ journal: 0 }, {});
    const verify = await this.#verify(['verify-topics', '-a', broker, '-j', journal]);
    return verdict(verify, { missing: verify['missing'] });
  }

  async #verify(args: readonly string[]): Promise<Record<string, number>> {
    const { code, stdout, stderr } = await run(this.#program, [...args, '--json', '-w', '64'], {
      limitMs: verifyLimitMs,
    });
    if (code !== 0 && code !== 4) {
      throw new Error(`loadgen ${args.join(' ')}: status ${code}\n${stderr}${stdout}`);
    }
    return (JSON.parse(stdout) as { verify: Record<string, number> }).verify;
  }
}

/** The end of the first queue of a topic; 0 when there is none. */
export async function queueEnd(broker: string, topic: string): Promise<number> {
  const { header } = await request(broker, getMaxOffset, { topic, queueId: '0' });
  return Number(header.extFields?.['offset'] ?? 0);
}

/** Until a load has got its first acknowledgements. */
export async function untilUnderLoad(broker: string, topic: string): Promise<void> {
  await eventually(beginLimitMs, `messages in ${topic}`, async () =>
    (await queueEnd(broker, topic)) > 1 ? true : undefined,
  );
}

export interface Load {
  end(): Promise<LoadReport>;
}

function verdict(
  verify: Readonly<Record<string, number>>,
  faults: Readonly<Record<string, number | undefined>>,
): Verdict {
  const entries = Object.entries(faults).map(
    ([name, count = Number.NaN]) => [name, count] as const,
  );
  return {
    journal: verify['journal'] ?? Number.NaN,
    faults: entries.reduce((sum, [, count]) => sum + count, 0),
    text: entries.map(([name, count]) => `${name} ${count}`).join(', '),
  };
}
