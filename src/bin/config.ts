import {
  keyOf,
  keysWithoutEffect,
  type OptionTable,
  RuntimeOptions,
  type Setting,
  textsOf,
} from '../base/index.ts';
import { brokerChangesOf } from '../broker/index.ts';
import { type Terminal, UsageMistake } from '../cli/index.ts';
import { nameServerChangesOf } from '../nameserver/index.ts';
import { nodeClock, nodeDisk } from '../node/index.ts';
import type { CheckOptions, ShowOptions } from './config-commands.ts';
import {
  type Configuration,
  type Role,
  readConfiguration,
  rocketmqKeys,
  tables,
} from './configuration.ts';
import { configure, installationSources, places, readRoles } from './sources.ts';

/** `holdfast config check FILE`. Throws a `UsageMistake` when there is a mistake. */
export async function checkConfiguration(
  file: string,
  options: CheckOptions,
  terminal: Terminal,
): Promise<void> {
  const roles = readRoles(options.role);
  const sources = await installationSources(file, options.set ?? []);
  const read = readConfiguration({ roles, sources, places: places() });
  const problems = 'problems' in read ? read.problems : [];
  const remarks = 'problems' in read ? [] : remarksOn(read, roles, sources);
  if (options.json === true) {
    const result = { file, mistakes: problems, remarks };
    terminal.write(`${JSON.stringify(result)}\n`);
    if (problems.length > 0) throw new UsageMistake();
    return;
  }
  if (problems.length > 0) throw new UsageMistake(...problems);
  for (const remark of remarks) terminal.write(`${remark}\n`);
  terminal.write(`${file}: no mistakes\n`);
}

/** What is no mistake, but may not be what was meant. One sentence each. */
function remarksOn(
  read: Configuration,
  roles: ReadonlySet<Role>,
  sources: Awaited<ReturnType<typeof installationSources>>,
): readonly string[] {
  const reasons = keysWithoutEffect(rocketmqKeys);
  const served = new Set<string>();
  const known = new Set<string>();
  for (const [role, table] of Object.entries<OptionTable>(tables)) {
    for (const [name, definition] of Object.entries(table)) {
      const key = keyOf(name, definition);
      known.add(key);
      if (role === 'process' || roles.has(role as Role)) served.add(key);
    }
  }
  const ineffective = new Set<Setting>(read.withoutEffect);
  const remarks: string[] = [];
  const seen = new Map<string, Setting>();
  for (const setting of sources.flatMap(({ settings }) => settings)) {
    const { key, origin } = setting;
    const earlier = seen.get(key);
    seen.set(key, setting);
    if (earlier !== undefined && earlier.origin.split(':')[0] === origin.split(':')[0]) {
      remarks.push(`${origin}: ${key}: set in ${earlier.origin} too; this one counts`);
    }
    if (ineffective.has(setting)) {
      const reason = reasons.get(key)?.reason ?? 'any other value is refused';
      remarks.push(`${origin}: ${key}: no effect; ${reason}`);
    } else if (known.has(key) && !served.has(key)) {
      remarks.push(`${origin}: ${key}: no effect; it is an option of another role`);
    }
  }
  return remarks;
}

interface Line {
  readonly key: string;
  readonly value: string;
  /** `default`, `broker.conf:3`, `--set`, or the file of changes. */
  readonly origin: string;
  readonly changeable: boolean;
}

/** `holdfast config show`. Fails `corrupt` when a file of changes is damaged. */
export async function showConfiguration(
  keys: readonly string[],
  options: ShowOptions,
  terminal: Terminal,
): Promise<void> {
  const roles = readRoles(options.role);
  const sources = await installationSources(options.config, options.set ?? []);
  const configuration = configure(roles, sources);
  const lines: Line[] = [];
  if (roles.has('broker')) lines.push(...(await linesOf('broker', configuration)));
  if (roles.has('nameserver')) lines.push(...(await linesOf('nameserver', configuration)));
  if (roles.has('controller')) lines.push(...(await linesOf('controller', configuration)));
  lines.push(...(await linesOf('process', configuration)));
  const unknown = keys.filter((key) => !lines.some((line) => line.key === key));
  if (unknown.length > 0) {
    throw new UsageMistake(...unknown.map((key) => `${key}: not an option of ${options.role}`));
  }
  const shown = keys.length === 0 ? lines : lines.filter(({ key }) => keys.includes(key));
  if (options.json === true) {
    terminal.write(`${JSON.stringify(shown)}\n`);
    return;
  }
  const texts = shown.map(({ key, value }) => `${key}=${value}`);
  const width = Math.min(60, Math.max(0, ...texts.map((text) => text.length)));
  for (const [index, { origin }] of shown.entries()) {
    const text = texts[index] ?? '';
    terminal.write(options.origin === true ? `${text.padEnd(width)}  # ${origin}\n` : `${text}\n`);
  }
}

async function linesOf(role: keyof typeof tables, configuration: Configuration): Promise<Line[]> {
  const table: OptionTable = tables[role];
  const configured: Record<string, unknown> = configuration.options[role];
  const origins = configuration.origins[role];
  const changes = changesOf(role, configuration);
  const runtime =
    changes === undefined
      ? undefined
      : await RuntimeOptions.open({
          table,
          configured,
          rules: { places: places() },
          file: changes,
          now: () => nodeClock.now(),
        });
  const texts = runtime?.texts() ?? textsOf(table, configured);
  const changed = new Set(runtime?.changedKeys());
  return Object.entries(table).map(([name, definition]) => {
    const key = keyOf(name, definition);
    const origin = changed.has(key) ? `changed, ${changes?.path}` : (origins[name] ?? 'default');
    const isSecret = /password/i.test(key) && texts.get(key) !== '';
    const value = isSecret ? '******' : (texts.get(key) ?? '');
    return { key, value, origin, changeable: definition.changeable === true };
  });
}

function changesOf(role: keyof typeof tables, { options }: Configuration) {
  switch (role) {
    case 'broker':
      return brokerChangesOf(options.broker, nodeDisk);
    case 'nameserver':
      return nameServerChangesOf(options.nameserver, nodeDisk);
    case 'controller':
    case 'process':
      return undefined;
  }
}
