import { keyOf, knownKeys, type Option, type OptionTable, type RefusedKey } from '../base/index.ts';
import { brokerOptions, refusedBrokerKeys } from '../broker/index.ts';
import { controllerOptions, refusedControllerKeys } from '../controller/index.ts';
import { nameServerOptions, refusedNameServerKeys } from '../nameserver/index.ts';
import { rocketmqKeys } from './configuration.ts';
import { processOptions } from './process-options.ts';

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  return `${[
    introduction,
    section('Broker', brokerOptions),
    section('Name server', nameServerOptions),
    section('Controller', controllerOptions),
    section('Process', processOptions),
    changesSection,
    refusedSection([...refusedBrokerKeys, ...refusedNameServerKeys, ...refusedControllerKeys]),
    withoutEffectSection(),
  ].join('\n\n')}\n`;
}

const introduction = `# Configuration

<!-- Made from the tables of options by \`npm run configuration\`; do not edit. -->

\`holdfast start --role broker -c broker.conf --set flushDiskType=SYNC_FLUSH\`

- A file is Java properties text with the keys of RocketMQ, so that an existing \`broker.conf\` starts. \`--set KEY=VALUE\` wins over the file, the file over the default.
- Blanks behind a value are ignored. Sizes may have a unit (\`64k\`, \`16m\`, \`1g\`), times too (\`500ms\`, \`30s\`, \`72h\`); a plain number is in the unit below.
- With several roles in one process a key goes to each role that has it, but \`listenPort\` to the broker, or without one to the name server; \`nameserver.listenPort=9876\` and \`broker.bindAddress=10.0.0.1\` name the role.
- All mistakes are reported together, before anything opens: an unknown key (with the nearest known one), a wrong value, a value that promises what is not there.
- Keys marked with * are Holdfast's own; the others are RocketMQ's, with the Java class that holds them there.
- *At once* means that a change at run time (\`mqadmin updateBrokerConfig\`, \`updateNamesrvConfig\`) takes effect when it is answered; the others take a restart and are refused by name then. See [changes at run time](#changes-at-run-time).
- \`holdfast config check FILE\` tells every mistake of a file; \`holdfast config show\` tells each value and where it comes from.`;

const changesSection = `## Changes at run time

A change is kept before it takes effect: of a broker in \`config/broker.changes\` below \`storePathRootDir\`, of a name server in the file that \`configStorePath\` names; the configuration file is never written. It holds, also after restarts, as long as the configuration says about that key what it said when the change was made: whoever edits the file later is heard, and the log then names the change that is void. \`config show --origin\` tells which values were changed.

Several keys in one request change together or not at all. Keys in \`configBlackList\` are refused with RocketMQ's code 16; unknown keys, wrong values, and keys that change at a restart only or have no effect are refused with 29 (Java says yes to all of these).`;

function section(title: string, table: OptionTable): string {
  const rows = Object.entries(table).map(([name, definition]) => row(name, definition));
  return [
    `## ${title}`,
    '',
    '| Key | Default | Value | Changes | Class | Meaning |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

const known = knownKeys(rocketmqKeys);

function row(name: string, definition: Option<unknown>): string {
  const { type, range, description } = definition;
  const ours = definition.key === undefined ? ' *' : '';
  const values =
    range === undefined
      ? type.name
      : `${type.name}, ${type.format(range[0])} to ${type.format(range[1])}`;
  const byDefault = type.format(definition.default);
  const cells = [
    `\`${keyOf(name, definition)}\`${ours}`,
    byDefault === '' ? '' : `\`${byDefault}\``,
    values,
    definition.changeable === true ? 'at once' : '',
    known.get(keyOf(name, definition))?.javaClass ?? '',
    description,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function refusedSection(refused: readonly RefusedKey[]): string {
  const reasons = new Map<string, Set<string>>();
  for (const { key, reason } of refused) {
    reasons.set(reason, (reasons.get(reason) ?? new Set()).add(`\`${key}\``));
  }
  return [
    '## Refused',
    '',
    'These keys of RocketMQ are refused at start when they are set to something that would promise what Holdfast does not do.',
    '',
    '| Keys | Why |',
    '|---|---|',
    ...[...reasons].map(([reason, keys]) => `| ${[...keys].join(', ')} | ${reason} |`),
  ].join('\n');
}

function withoutEffectSection(): string {
  const tables = [brokerOptions, nameServerOptions, processOptions];
  const options = new Set(
    tables.flatMap((table: OptionTable) =>
      Object.entries(table).map(([name, definition]) => keyOf(name, definition)),
    ),
  );
  const rows = new Map<string, string[]>();
  for (const [key, { javaClass, reason, default: byDefault }] of known) {
    if (reason === undefined || options.has(key)) continue;
    const place = `${reason} | ${javaClass}`;
    const keys = rows.get(place) ?? [];
    rows.set(place, keys);
    keys.push(byDefault ? `\`${key}=${byDefault}\`` : `\`${key}\``);
  }
  return [
    '## Accepted without effect',
    '',
    'These keys of RocketMQ 5.x mean nothing here, with its defaults. The log names those that a configuration sets.',
    '',
    '| Why | Class | Keys |',
    '|---|---|---|',
    ...[...rows].sort().map(([place, keys]) => `| ${place} | ${keys.sort().join(' ')} |`),
  ].join('\n');
}
