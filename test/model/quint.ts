// Reads a Quint specification by Quint's own parser and makes a system of it that can be searched.

import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as operators from './operators.ts';
import type { System } from './search.ts';
import type { Declaration } from './translate.ts';
import { translate } from './translate.ts';

export interface Instance {
  /** The rule that is broken, or "none". */
  readonly broken: string;
  readonly nodes: number;
  readonly maxEpoch: number;
  readonly maxLog: number;
  readonly maxStarts: number;
  readonly maxSetEpoch: number;
}

/** The constants of the instance that is compiled once; others are put in their place. */
const placeholders = {
  BROKEN: '"none"',
  NODES: 'Set(1, 2, 3)',
  MAX_EPOCH: '3',
  MAX_LOG: '4',
  MAX_STARTS: '2',
  MAX_SET_EPOCH: '3',
};

export const invariants = [
  'definitionsSurvive',
  'messagesSurvive',
  'offsetsUnique',
  'oneAcker',
  'writtenBeforePromised',
  'neverUndone',
  'tablesAgree',
];

type Bounds = Omit<Instance, 'broken'>;
const wide: Bounds = { nodes: 2, maxEpoch: 3, maxLog: 3, maxStarts: 2, maxSetEpoch: 3 };
const oneSet: Bounds = { ...wide, maxSetEpoch: 1 };

/** What can be broken: the rules of docs/protocol.md, and what the model added to them. Each is found within its bounds. */
export const broken: readonly Instance[] = [
  { ...wide, broken: 'rule 1' },
  { ...wide, broken: 'rule 2' },
  { ...wide, broken: 'rule 3' },
  { ...wide, broken: 'rule 3 marks' },
  { ...wide, broken: 'rule 4' },
  { ...wide, broken: 'rule 5' },
  { ...oneSet, broken: 'rule 6', maxLog: 4, maxStarts: 1 },
  { ...wide, broken: 'rule 7' },
  { ...wide, broken: 'rule 8' },
  { ...wide, broken: 'rule 9' },
  { ...wide, broken: 'rule 10' },
  { ...wide, broken: 'rule 11' },
  { ...wide, broken: 'rule 12' },
  { ...wide, broken: 'rule 14' },
  { ...wide, broken: 'dead out at once' },
  { ...wide, broken: 'shrinks unsynced' },
  { ...wide, broken: 'C moves while shrinking' },
  { ...oneSet, broken: 'floor is C', maxLog: 2 },
  { ...oneSet, broken: 'mark counts', maxEpoch: 2, maxLog: 3 },
  { ...oneSet, broken: 'mark forgotten', maxStarts: 3 },
  { ...oneSet, broken: 'clears any incarnation', maxStarts: 3 },
  { ...wide, broken: 'newcomer unmarked', maxEpoch: 2 },
];

/** The protocol itself: small enough to be searched completely. */
export const faithful: readonly Instance[] = [
  { nodes: 3, maxEpoch: 2, maxLog: 2, maxStarts: 1, maxSetEpoch: 1, broken: 'none' },
  { nodes: 2, maxEpoch: 2, maxLog: 2, maxStarts: 2, maxSetEpoch: 1, broken: 'none' },
  { nodes: 2, maxEpoch: 3, maxLog: 3, maxStarts: 1, maxSetEpoch: 1, broken: 'none' },
  { nodes: 2, maxEpoch: 2, maxLog: 2, maxStarts: 1, maxSetEpoch: 3, broken: 'none' },
  { nodes: 2, maxEpoch: 2, maxLog: 2, maxStarts: 1, maxSetEpoch: 2, broken: 'none, restored' },
];

/** The declarations of the model, as `quint compile` gives them. Takes some ten seconds. */
export function compile(options: {
  readonly quint: string;
  readonly model: string;
}): readonly Declaration[] {
  if (!existsSync(options.quint)) {
    throw new Error('the parser is not installed: npm ci --ignore-scripts --prefix docs/model');
  }
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-model-'));
  try {
    const file = join(directory, 'instance.qnt');
    const constants = Object.entries(placeholders).map(([name, value]) => `${name} = ${value}`);
    writeFileSync(
      file,
      `${readFileSync(options.model, 'utf8')}\nmodule searched { import replication(${constants.join(', ')}).* }\n`,
    );
    // Into a file: Quint ends before a pipe has taken all.
    const out = join(directory, 'instance.json');
    const output = openSync(out, 'w');
    const arguments_ = [
      'compile',
      '--target',
      'json',
      '--main',
      'searched',
      '--invariant',
      invariants.join(' and '),
      file,
    ];
    execFileSync(process.execPath, [options.quint, ...arguments_], {
      stdio: ['ignore', output, 'inherit'],
    });
    closeSync(output);
    const compiled: { modules: readonly { name: string; declarations: readonly Declaration[] }[] } =
      JSON.parse(readFileSync(out, 'utf8'));
    const module = compiled.modules.find(({ name }) => name === 'searched');
    if (module === undefined) throw new Error('Quint gave no module');
    return module.declarations;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** `order` says in which order alternatives are tried. */
export function systemOf(
  declarations: readonly Declaration[],
  instance: Instance,
  order: (count: number) => Iterable<number>,
  asked: readonly string[] = invariants,
): System & { readonly variables: readonly string[] } {
  const constants = new Map<string, unknown>([
    ['BROKEN', { kind: 'str', value: instance.broken }],
    ['MAX_EPOCH', { kind: 'int', value: instance.maxEpoch }],
    ['MAX_LOG', { kind: 'int', value: instance.maxLog }],
    ['MAX_STARTS', { kind: 'int', value: instance.maxStarts }],
    ['MAX_SET_EPOCH', { kind: 'int', value: instance.maxSetEpoch }],
    [
      'NODES',
      {
        kind: 'app',
        opcode: 'to',
        args: [
          { kind: 'int', value: 1 },
          { kind: 'int', value: instance.nodes },
        ],
      },
    ],
  ]);
  const adapted = declarations.map((each) => {
    if (each.kind !== 'def') return each;
    const constant = constants.get(each.name.slice(each.name.lastIndexOf(':') + 1));
    return constant === undefined ? each : ({ ...each, expr: constant } as typeof each);
  });
  const names = { init: 'init', step: 'step', invariants: asked };
  const { source, variables } = translate(adapted, names);
  return { ...(new Function('q', 'order', source)(operators, order) as System), variables };
}
