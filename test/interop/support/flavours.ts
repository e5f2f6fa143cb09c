import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Flavour } from './client.ts';
import { javaLab, repository } from './locations.ts';
import { runOrThrow } from './processes.ts';

const buildLimitMs = 300_000;

/** What not every official client can do. */
export type Ability =
  | 'administration'
  | 'assigned queues'
  | 'short heartbeats'
  | 'lite pull'
  | 'pull'
  | 'lz4 and zstd'
  | 'vip channel';

export interface FlavourSource {
  readonly title: string;
  readonly abilities: readonly Ability[];
  /** Compiles the client. */
  readonly build: (folder: string) => Promise<Flavour>;
}

const abilitiesOfJava = ['administration', 'lite pull', 'pull', 'vip channel'] as const;

export const java4: FlavourSource = {
  title: 'Java 4.9.8',
  abilities: abilitiesOfJava,
  build: (folder) => buildJava('4.9.8', folder),
};
export const java5: FlavourSource = {
  title: 'Java 5.5.0',
  abilities: [...abilitiesOfJava, 'assigned queues', 'lz4 and zstd', 'short heartbeats'],
  build: (folder) => buildJava('5.5.0', folder),
};
export const go: FlavourSource = { title: 'Go', abilities: [], build: buildGo };

/** Against the jars of a version of RocketMQ. */
async function buildJava(version: string, folder: string): Promise<Flavour> {
  const sources = join(repository, 'test/interop/java');
  const files = (await readdir(sources)).filter((name) => name.endsWith('.java'));
  const classes = join(folder, 'classes');
  await mkdir(classes, { recursive: true });
  const printed = await runOrThrow(
    process.execPath,
    [javaLab(), 'classpath', '--version', version],
    { limitMs: buildLimitMs },
  );
  const jars = printed.trim();
  await runOrThrow(
    'javac',
    ['-nowarn', '-d', classes, '-cp', jars, ...files.map((name) => join(sources, name))],
    { limitMs: buildLimitMs },
  );
  return {
    name: `Java ${version}`,
    command: 'java',
    args: [
      ...['-Xmx192m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dfile.encoding=UTF-8'],
      ...[`-Duser.home=${folder}`, `-Drocketmq.client.logRoot=${folder}`],
      ...['-cp', `${classes}:${jars}`, 'InteropClient'],
    ],
    environment: {},
    folder,
    commitsWhatItGivesAway: true,
  };
}

async function buildGo(folder: string): Promise<Flavour> {
  const program = join(folder, 'client');
  await runOrThrow('go', ['build', '-buildvcs=false', '-o', program, '.'], {
    limitMs: buildLimitMs,
    cwd: join(repository, 'test/interop/go'),
  });
  return {
    name: 'Go',
    command: program,
    args: [],
    environment: { INTEROP_LOG: join(folder, 'rocketmq-client-go.log') },
    folder,
    // Its store of offsets forgets all queues but the first one that it commits at a rebalance.
    commitsWhatItGivesAway: false,
  };
}
