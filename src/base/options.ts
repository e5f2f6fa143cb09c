import type { Setting } from './properties.ts';

/**
 * How a value is written in a file, on a command line and in the documentation. The value is what code uses, in the
 * unit that its name says.
 */
export interface OptionType<T> {
  /** As a person would call it: `whole number`. */
  readonly name: string;
  parse(text: string, places: Places): { readonly value: T } | { readonly problem: string };
  /** Text that `parse` reads back. */
  format(value: T): string;
}

/** What paths are relative to. */
export interface Places {
  readonly homeFolder: string;
  readonly workingFolder: string;
}

export interface Option<T> {
  /** RocketMQ's key. Without it the option is ours alone and its key is its name in the table. */
  readonly key?: string;
  readonly type: OptionType<T>;
  readonly default: NoInfer<T>;
  /** Smallest and largest value, both allowed. */
  readonly range?: readonly [T & number, T & number];
  /** Whether a change while the process runs takes effect at once; else it takes a restart. */
  readonly changeable?: true;
  /** One sentence for the reference page. */
  readonly description: string;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;
export type OptionsOf<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Option<infer T> ? T : never;
};

/** An entry of a table of options. */
export function option<T>(definition: Option<T>): Option<T> {
  return definition;
}

export function keyOf(name: string, definition: Option<unknown>): string {
  return definition.key ?? name;
}

/** A key that RocketMQ has and that may be set here, but not to such a value. */
export interface RefusedKey {
  readonly key: string;
  refuses(value: string): boolean;
  readonly reason: string;
}

/** A key of RocketMQ that means nothing here: accepted, so that an existing file starts. */
export interface KeyWithoutEffect {
  /** RocketMQ's; empty when there is none. */
  readonly default: string;
  readonly reason: string;
}

export interface OptionRules {
  readonly places: Places;
  readonly refused?: readonly RefusedKey[];
  readonly withoutEffect?: ReadonlyMap<string, KeyWithoutEffect>;
  /** Keys that, without the name of a table before them, go to the first table only. */
  readonly firstTableOnly?: ReadonlySet<string>;
}

export type TablesByName = Readonly<Record<string, OptionTable>>;

export type ReadOptions<Tables extends TablesByName> =
  | {
      readonly options: { readonly [Name in keyof Tables]: OptionsOf<Tables[Name]> };
      /** Of each table and option, where its value comes from. */
      readonly origins: { readonly [Name in keyof Tables]: Readonly<Record<string, string>> };
      readonly withoutEffect: readonly Setting[];
    }
  | { readonly problems: readonly string[] };

/**
 * Values for all tables from the settings; the later setting of a key wins. A key goes to every table that has it;
 * `nameserver.listenPort` goes to the table of that name. All mistakes are reported, in the order of the settings.
 */
export function readOptions<Tables extends TablesByName>(
  tables: Tables,
  settings: readonly Setting[],
  rules: OptionRules,
): ReadOptions<Tables> {
  const problems = new Map<Setting | undefined, string[]>();
  const note = (setting: Setting | undefined, problem: string): void => {
    problems.set(setting, [...(problems.get(setting) ?? []), problem]);
  };
  const withoutEffect: Setting[] = [];
  const given: GivenValues = new Map();
  for (const setting of latest(settings)) {
    const plainKey = withoutTable(tables, setting.key);
    const refusal = rules.refused?.find(
      (refused) => refused.key === plainKey && refused.refuses(setting.value),
    );
    const takers = findTakers(tables, setting.key, rules);
    if (refusal !== undefined) {
      note(setting, `${where(setting)}=${setting.value}: ${refusal.reason}`);
    } else if (takers.length > 0) {
      for (const taker of takers) given.set(taker, setting);
    } else if (rules.withoutEffect?.has(plainKey) || isRefusable(plainKey, rules)) {
      withoutEffect.push(setting);
    } else {
      note(setting, `${where(setting)}: ${unknownKey(tables, plainKey, rules)}`);
    }
  }
  const results = Object.entries(tables).map(([tableName, table]) => {
    const values: Record<string, unknown> = {};
    const origins: Record<string, string> = {};
    for (const [name, definition] of Object.entries(table)) {
      const setting = given.get(definition);
      const read = readValue(definition, setting?.value, rules.places);
      if ('value' in read) values[name] = read.value;
      else note(setting, `${setting ? where(setting) : `default of ${name}`}: ${read.problem}`);
      origins[name] = setting?.origin ?? 'default';
    }
    return { tableName, values, origins };
  });
  if (problems.size > 0) {
    const inOrder = [...latest(settings), undefined].flatMap((one) => problems.get(one) ?? []);
    // One wrong setting may concern two tables.
    return { problems: [...new Set(inOrder)] };
  }
  return {
    // Each value was parsed by the type that its table declares.
    options: byTable(results, 'values') as { [Name in keyof Tables]: OptionsOf<Tables[Name]> },
    origins: byTable(results, 'origins') as { [Name in keyof Tables]: Record<string, string> },
    withoutEffect,
  };
}

function byTable<Part extends string>(
  results: readonly ({ readonly tableName: string } & { readonly [P in Part]: unknown })[],
  part: Part,
): unknown {
  return Object.fromEntries(results.map((result) => [result.tableName, result[part]]));
}

/** Two tables may share the definition of an option; then one setting is both's. */
type GivenValues = Map<Option<unknown>, Setting>;

/** Of each key the last setting, in the order in which those were made. */
export function latest(settings: readonly Setting[]): Iterable<Setting> {
  const byKey = new Map<string, Setting>();
  for (const setting of settings) {
    byKey.delete(setting.key);
    byKey.set(setting.key, setting);
  }
  return byKey.values();
}

/** `listenPort` of `nameserver.listenPort`. */
function withoutTable(tables: TablesByName, key: string): string {
  const end = key.indexOf('.');
  return end > 0 && key.slice(0, end) in tables ? key.slice(end + 1) : key;
}

const where = (setting: Setting): string => `${setting.origin}: ${setting.key}`;

function findTakers(tables: TablesByName, key: string, rules: OptionRules): Option<unknown>[] {
  const found: Option<unknown>[] = [];
  for (const [tableName, table] of Object.entries(tables)) {
    for (const [name, definition] of Object.entries(table)) {
      const ownKey = keyOf(name, definition);
      if (key === `${tableName}.${ownKey}`) return [definition];
      if (key === ownKey) found.push(definition);
    }
  }
  return rules.firstTableOnly?.has(key) ? found.slice(0, 1) : found;
}

export const isRefusable = (key: string, rules: OptionRules): boolean =>
  rules.refused?.some((refused) => refused.key === key) ?? false;

/** The default without a text. */
export function readValue(
  definition: Option<unknown>,
  text: string | undefined,
  places: Places,
): { readonly value: unknown } | { readonly problem: string } {
  const { type, range } = definition;
  // A default goes through the parser too: there a path finds its folder.
  const read = type.parse(text ?? type.format(definition.default), places);
  if ('problem' in read || range === undefined) return read;
  const [smallest, largest] = range;
  const inRange = typeof read.value === 'number' && smallest <= read.value && read.value <= largest;
  if (inRange) return read;
  return {
    problem: `must be from ${type.format(smallest)} to ${type.format(largest)}, not ${text ?? type.format(read.value)}`,
  };
}

export function findOption(
  table: OptionTable,
  key: string,
): { readonly name: string; readonly definition: Option<unknown> } | undefined {
  for (const [name, definition] of Object.entries(table)) {
    if (keyOf(name, definition) === key) return { name, definition };
  }
  return undefined;
}

/** What is wrong with it, and the nearest key that there is. */
export function unknownKey(tables: TablesByName, key: string, rules: OptionRules): string {
  const known = Object.values(tables).flatMap((table) =>
    Object.entries(table).map(([name, definition]) => keyOf(name, definition)),
  );
  const withoutEffect = rules.withoutEffect?.keys() ?? [];
  const others = [...withoutEffect, ...(rules.refused ?? []).map(({ key }) => key)];
  const match = nearest(key, known) ?? nearest(key, others);
  return match === undefined ? 'unknown key' : `unknown key; did you mean ${match}?`;
}

/** The candidate that takes the fewest edits, if those are few for a word of this length. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let fewest = Math.min(4, Math.max(1, Math.floor(word.length / 3))) + 1;
  for (const candidate of candidates) {
    const edits = editDistance(word.toLowerCase(), candidate.toLowerCase(), fewest);
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}

/** Insertions, deletions and replacements of a character; `limit` when they are that many or more. */
function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return Math.min(limit, row[to.length] ?? limit);
}
