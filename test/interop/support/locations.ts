import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository, seen from the compiled file. */
export const repository = fileURLToPath(new URL('../../../../', import.meta.url));

/** A folder that this repository does not hold: named by the environment, or beside the repository. */
function companion(variable: string, name: string): string {
  const folder = process.env[variable] ?? resolve(repository, '../shared', name);
  if (!existsSync(folder))
    throw new Error(`${folder} does not exist; ${variable} names the folder`);
  return folder;
}

export const javaLab = (): string => join(companion('HOLDFAST_JAVA_LAB', 'java-lab'), 'lab');
export const loadGeneratorSource = (): string => companion('HOLDFAST_LOADGEN_DIR', 'loadgen');

/** Where compiled programs are kept between runs. */
export async function cacheFolder(name: string): Promise<string> {
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), name);
  await mkdir(folder, { recursive: true });
  return folder;
}

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** Removed at the end, unless `HOLDFAST_KEEP` is set: then it stays, for a look at the logs. */
export async function temporaryFolder(name: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), `holdfast-${name}-`));
  return {
    path,
    async [Symbol.asyncDispose]() {
      if (process.env['HOLDFAST_KEEP'] === undefined) {
        await rm(path, { recursive: true, force: true, maxRetries: 5 });
      }
    },
  };
}
