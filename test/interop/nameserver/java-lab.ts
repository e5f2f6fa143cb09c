import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The script that runs real servers and tools of RocketMQ; see the README beside it. */
const script = join(process.env['HOLDFAST_JAVA_LAB'] ?? '../shared/java-lab', 'lab');

/** A folder of Java processes of its own; all are killed at the end. */
export class JavaLab implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-java-lab-'));

  /** A path in the folder of this lab. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  /** What the command printed. Fails when it does. */
  async run(...parameters: string[]): Promise<string> {
    const { stdout } = await execute(script, parameters, {
      env: { ...process.env, HOLDFAST_LAB_DIR: this.path('processes') },
      timeout: 120_000,
    });
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run('stop', '--all', '-9');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
