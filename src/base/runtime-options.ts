import { describeError } from './failure.ts';
import type { Logger } from './logger.ts';
import {
  findOption,
  isRefusable,
  keyOf,
  latest,
  type Option,
  type OptionRules,
  type OptionsOf,
  type OptionTable,
  readValue,
  unknownKey,
} from './options.ts';
import { parseProperties, type Setting } from './properties.ts';

/** Where changes are kept. `write` returns once the text is durable. */
export interface ChangesFile {
  readonly path: string;
  /** Undefined when there is none yet. */
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

export interface OptionChange {
  readonly name: string;
  readonly key: string;
  /** As text, as a person would write it. */
  readonly before: string;
  readonly after: string;
}

/** How often the options changed and when they last did; RocketMQ's `DataVersion` of a configuration. */
export interface OptionsVersion {
  readonly counter: number;
  readonly timestamp: number;
}

interface StoredChange {
  readonly value: string;
  /** What the configuration said when the change was made. */
  readonly was: string;
}

export interface RuntimeOptionsParts<Table extends OptionTable> {
  readonly table: Table;
  /** What the configuration says: defaults, file, command line. */
  readonly configured: OptionsOf<Table>;
  readonly rules: OptionRules;
  /** Without one nothing can change. */
  readonly file: ChangesFile | undefined;
  readonly now: () => number;
  /** More that must hold, of all values after a change. One sentence each. */
  readonly problemsOf?: (values: OptionsOf<Table>) => readonly string[];
}

export type ChangeOutcome =
  | { readonly changes: readonly OptionChange[] }
  /** One sentence each, beginning with the key. */
  | { readonly problems: readonly string[] };
export type UpdateOutcome = ChangeOutcome | { readonly locked: readonly string[] };

/** Whatever `configBlackList` says, as in RocketMQ. */
const alwaysLocked: ReadonlySet<string> = new Set([
  'configBlackList',
  'brokerConfigPath',
  'configStorePath',
  'rocketmqHome',
]);

/** `values` as they are at the time of each look, with more beside: what a copy would not follow. */
export function besides<Values extends object, More extends object>(
  values: Values,
  more: More,
): Values & More {
  return Object.assign(Object.create(values) as Values, more);
}

/**
 * The options of one table while a process runs. Some may change; a change is durable before it takes effect, and holds
 * until the configuration itself says something else about that key: whoever edits the file later is heard.
 */
export class RuntimeOptions<Table extends OptionTable> {
  /** The same object for life, in which values are replaced: whoever honours changes keeps it and never copies it. */
  readonly values: OptionsOf<Table>;
  /** Changes of the file that were not taken over, and why. */
  readonly dropped: readonly string[];
  readonly #parts: RuntimeOptionsParts<Table>;
  #stored: ReadonlyMap<string, StoredChange>;
  #version: OptionsVersion;
  #changing: Promise<unknown> = Promise.resolve();

  /** Fails as reading the file does. */
  static async open<Table extends OptionTable>(
    parts: RuntimeOptionsParts<Table>,
  ): Promise<RuntimeOptions<Table>> {
    const text = await parts.file?.read();
    return new RuntimeOptions(parts, text === undefined ? undefined : decodeChanges(text));
  }

  private constructor(parts: RuntimeOptionsParts<Table>, file: ChangesContent | undefined) {
    this.#parts = parts;
    this.#version = file?.version ?? { counter: 0, timestamp: parts.now() };
    const { values, kept, dropped } = withChanges(parts, file?.changes ?? new Map());
    this.values = values;
    this.dropped = dropped;
    this.#stored = kept;
  }

  get version(): OptionsVersion {
    return this.#version;
  }

  /** The text of each option by its key, as a configuration file would have it. */
  texts(): Map<string, string> {
    return textsOf(this.#parts.table, this.values);
  }

  /** Keys that say something else than the configuration. */
  changedKeys(): readonly string[] {
    return [...this.#stored.keys()];
  }

  /** What a start tells of earlier changes. */
  logTo(logger: Logger): void {
    for (const why of this.dropped) logger.warn('a change made at run time is void', { why });
    const changed = this.changedKeys();
    if (changed.length > 0) logger.info('changed at run time', { keys: changed });
  }

  /** `change` for properties text as RocketMQ's tools send it, but for keys that nobody may change. */
  async update(text: string): Promise<UpdateOutcome> {
    const { settings, problems } = parseProperties(text, 'request');
    if (problems.length > 0) return { problems };
    const locked = settings.filter(({ key }) => this.#isLocked(key)).map(({ key }) => key);
    return locked.length > 0 ? { locked } : await this.change(settings);
  }

  #isLocked(key: string): boolean {
    if (alwaysLocked.has(key)) return true;
    const list = this.texts().get('configBlackList') ?? '';
    return list.split(';').some((one) => one.trim() === key);
  }

  /**
   * All settings or none. They have taken effect when it returns. Fails as writing the file does; then nothing has
   * changed.
   */
  change(settings: readonly Setting[]): Promise<ChangeOutcome> {
    const result = this.#changing.then(() => this.#change(settings));
    this.#changing = result.catch(() => {}); // Told to whoever asked.
    return result;
  }

  async #change(settings: readonly Setting[]): Promise<ChangeOutcome> {
    const { table, configured, file, now } = this.#parts;
    const decided = decideChanges(table, this.values, settings, this.#parts.rules);
    if ('problems' in decided) return decided;
    const { values: next, changes } = decided;
    const problems = this.#parts.problemsOf?.(next) ?? [];
    if (problems.length > 0) return { problems };
    if (changes.length === 0) return { changes };
    if (file === undefined) return { problems: ['there is no file to keep changes in'] };
    const stored = new Map(this.#stored);
    for (const { name, key, after } of changes) {
      const was = textOf(table, configured, name);
      if (after === was) stored.delete(key);
      else stored.set(key, { value: after, was });
    }
    const version = { counter: this.#version.counter + 1, timestamp: now() };
    await file.write(encodeChanges({ version, changes: stored }));
    this.#stored = stored;
    this.#version = version;
    for (const { name } of changes) replace(this.values, name, next[name]);
    return { changes };
  }
}

/** Pure: the values after the settings and what differs, or every reason why not. */
export function decideChanges<Table extends OptionTable>(
  table: Table,
  values: OptionsOf<Table>,
  settings: readonly Setting[],
  rules: OptionRules,
):
  | { readonly values: OptionsOf<Table>; readonly changes: readonly OptionChange[] }
  | { readonly problems: readonly string[] } {
  const next = { ...values };
  const changes: OptionChange[] = [];
  const problems: string[] = [];
  for (const { key, value } of latest(settings)) {
    const refused = rules.refused?.find((one) => one.key === key && one.refuses(value));
    const found = findOption(table, key);
    const foreign = rules.withoutEffect?.get(key);
    if (refused !== undefined) problems.push(`${key}=${value}: ${refused.reason}`);
    else if (found !== undefined) {
      const { name, definition } = found;
      const before = textOf(table, values, name);
      // Whoever sends a whole configuration back changes nothing.
      if (value === before) continue;
      const read = readValue(definition, value, rules.places);
      if ('problem' in read) {
        problems.push(`${key}: ${read.problem}`);
        continue;
      }
      const after = definition.type.format(read.value);
      if (after === before) continue;
      if (definition.changeable !== true) {
        problems.push(`${key}: changes at a restart only; set it in the configuration file`);
        continue;
      }
      replace(next, name, read.value);
      changes.push({ name, key, before, after });
    } else if (foreign !== undefined) {
      if (foreign.default !== value) problems.push(`${key}: has no effect here: ${foreign.reason}`);
    } else if (!isRefusable(key, rules)) {
      problems.push(`${key}: ${unknownKey({ options: table }, key, rules)}`);
    }
  }
  return problems.length > 0 ? { problems } : { values: next, changes };
}

/** What the configuration says, with those changes that still hold. */
function withChanges<Table extends OptionTable>(
  { table, configured, rules }: RuntimeOptionsParts<Table>,
  changes: ReadonlyMap<string, StoredChange>,
) {
  const values = { ...configured };
  const kept = new Map<string, StoredChange>();
  const dropped: string[] = [];
  for (const [key, change] of changes) {
    const found = findOption(table, key);
    if (found === undefined || found.definition.changeable !== true) {
      dropped.push(`${key}=${change.value}: it cannot change at run time any more`);
      continue;
    }
    const { name, definition } = found;
    const now = textOf(table, configured, name);
    const read = readValue(definition, change.value, rules.places);
    if (now !== change.was) {
      dropped.push(`${key}=${change.value}: the configuration now says ${now}, not ${change.was}`);
    } else if ('problem' in read) {
      dropped.push(`${key}=${change.value}: ${read.problem}`);
    } else {
      replace(values, name, read.value);
      kept.set(key, change);
    }
  }
  return { values, kept, dropped };
}

/** The text of each option by its key. */
export function textsOf<Table extends OptionTable>(
  table: Table,
  values: OptionsOf<Table>,
): Map<string, string> {
  return new Map(
    Object.entries(table).map(([name, definition]) => [
      keyOf(name, definition),
      textOf(table, values, name),
    ]),
  );
}

function textOf<Table extends OptionTable>(table: Table, values: OptionsOf<Table>, name: string) {
  // Each value was parsed by the type of its own entry.
  const definition = table[name] as Option<unknown>;
  return definition.type.format(values[name]);
}

/** The one place where options are written after the start. */
function replace<Table extends OptionTable>(
  values: OptionsOf<Table>,
  name: string,
  value: unknown,
): void {
  // The value was parsed by the type that the table declares for this name.
  (values as Record<string, unknown>)[name] = value;
}

interface ChangesContent {
  readonly version: OptionsVersion;
  readonly changes: ReadonlyMap<string, StoredChange>;
}

function encodeChanges({ version, changes }: ChangesContent): string {
  return JSON.stringify({ ...version, changes: Object.fromEntries(changes) });
}

/** Its checksum was right, so that anything else is a bug or a later version. Throws what describes it. */
function decodeChanges(text: string): ChangesContent {
  try {
    const { counter, timestamp, changes } = JSON.parse(text) as {
      readonly counter: number;
      readonly timestamp: number;
      readonly changes: Readonly<Record<string, StoredChange>>;
    };
    return { version: { counter, timestamp }, changes: new Map(Object.entries(changes)) };
  } catch (error) {
    throw new Error(`not a file of changed options: ${describeError(error)}`, { cause: error });
  }
}
