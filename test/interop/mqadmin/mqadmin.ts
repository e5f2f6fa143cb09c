import type { ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { javaLab, repository } from '../support/locations.ts';
import { ended, runOrThrow, start } from '../support/processes.ts';
import { within } from '../support/waiting.ts';

const buildLimitMs = 300_000;
/** A command gives up by itself much earlier, but the first one loads most of the classes. */
const commandLimitMs = 90_000;

/** What a command left behind. */
export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** The driver, compiled. */
export interface MqadminProgram {
  readonly args: readonly string[];
}

/** Compiles the driver against the newest jars. */
export async function buildMqadmin(folder: string): Promise<MqadminProgram> {
  const classes = join(folder, 'mqadmin-classes');
  await mkdir(classes, { recursive: true });
  const limits = { limitMs: buildLimitMs };
  const jars = (await runOrThrow(process.execPath, [javaLab(), 'classpath'], limits)).trim();
  const source = join(repository, 'test/interop/mqadmin/MqadminDriver.java');
  await runOrThrow('javac', ['-nowarn', '-d', classes, '-cp', jars, source], limits);
  return {
    args: [
      ...['-Xmx192m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dfile.encoding=UTF-8'],
      ...['-Djava.security.manager=allow', '-Duser.timezone=UTC'],
      ...[`-Duser.home=${folder}`, `-Drocketmq.client.logRoot=${folder}`],
      ...['-cp', `${classes}:${jars}`, 'MqadminDriver'],
    ],
  };
}

/** The real mqadmin: many commands, one after the other, in one virtual machine. */
export class Mqadmin implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #before: Promise<unknown> = Promise.resolve();

  /** `folder` is where commands leave the files for which they take no path. */
  constructor(program: MqadminProgram, folder: string) {
    this.#child = start('java', program.args, { stdio: ['pipe', 'pipe', 'ignore'], cwd: folder });
    this.#child.stdin?.on('error', () => {}); // A killed driver; the missing line tells of it.
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  run(args: readonly string[]): Promise<Outcome> {
    const outcome = this.#before.then(async () => {
      this.#child.stdin?.write(`${JSON.stringify(args)}\n`);
      const line = await within(commandLimitMs, `mqadmin ${args.join(' ')}`, this.#lines.next());
      if (line.done === true) throw new Error(`mqadmin ended at: ${args.join(' ')}`);
      return JSON.parse(line.value) as Outcome;
    });
    this.#before = outcome.catch(() => {}); // The next command runs all the same.
    return outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await ended(this.#child);
  }
}
