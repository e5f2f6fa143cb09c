import { homedir, hostname, networkInterfaces } from 'node:os';
import {
  decodeProperties,
  describeError,
  type Places,
  parseProperties,
  type ReadSettings,
} from '../base/index.ts';
import { UsageMistake } from '../cli/index.ts';
import { nodeDisk } from '../node/index.ts';
import {
  type Configuration,
  commandLineSettings,
  type Role,
  readConfiguration,
  settingsOf,
} from './configuration.ts';

/** Where the configuration of an installation comes from, weakest first: this machine, a file, the command line. */
export async function installationSources(
  file: string | undefined,
  assignments: readonly string[],
): Promise<readonly ReadSettings[]> {
  return [
    settingsOf('host name', { 'broker.brokerName': hostname() }),
    settingsOf('this machine', { 'broker.brokerIP1': ownAddress() }),
    settingsOf('NAMESRV_ADDR', { 'broker.namesrvAddr': process.env['NAMESRV_ADDR'] || undefined }),
    file === undefined ? { settings: [], problems: [] } : await readFile(file),
    commandLineSettings(assignments),
  ];
}

export const places = (): Places => ({ homeFolder: homedir(), workingFolder: process.cwd() });

/** Throws a `UsageMistake` with every mistake there is. */
export function configure(
  roles: ReadonlySet<Role>,
  sources: readonly ReadSettings[],
): Configuration {
  const read = readConfiguration({ roles, sources, places: places() });
  if ('problems' in read) throw new UsageMistake(...read.problems);
  return read;
}

export function readRoles(text: string): ReadonlySet<Role> {
  const roles = new Set<Role>();
  for (const part of text.split(',').map((piece) => piece.trim())) {
    if (part === 'nameserver' || part === 'controller' || part === 'broker') roles.add(part);
    else
      throw new UsageMistake(
        `--role must be nameserver, controller, broker, or several with commas between them, not "${part}"`,
      );
  }
  return roles;
}

async function readFile(path: string): Promise<ReadSettings> {
  try {
    await using file = await nodeDisk.open(path, 'read');
    const bytes = new Uint8Array(await file.size());
    await file.read(bytes, 0);
    return parseProperties(decodeProperties(bytes), path);
  } catch (error) {
    throw new UsageMistake(`cannot read the configuration: ${describeError(error)}`);
  }
}

/** The first IPv4 address that others may know, as the Java broker chooses. */
function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return (
    addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
  );
}
