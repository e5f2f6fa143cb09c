import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { test } from 'node:test';

/**
 * Which folders of `src` a folder may import, by their doors. To change this table is to change the design: it needs
 * an ADR. `views/*` are folders of their own with doors of their own; `views` joins them.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  wire: ['base'],
  remoting: ['base', 'wire'],
  log: ['base', 'wire'],
  'replication/link': ['base', 'log'],
  replication: ['base', 'wire', 'log'],
  'views/metadata': ['base', 'wire', 'log'],
  'views/queues': ['base', 'wire'],
  'views/index': ['base', 'wire'],
  'views/schedule': ['base', 'wire'],
  views: [
    'base',
    'wire',
    'log',
    'replication',
    'views/metadata',
    'views/queues',
    'views/index',
    'views/schedule',
  ],
  broker: [
    'base',
    'wire',
    'log',
    'remoting',
    'replication',
    'replication/link',
    'views',
    'views/metadata',
    'views/queues',
    'views/index',
    'views/schedule',
  ],
  nameserver: ['base', 'wire', 'remoting', 'log'],
  controller: ['base', 'wire', 'remoting', 'log'],
  admin: ['base', 'wire', 'remoting'],
  cli: ['base', 'admin'],
  node: ['base'],
  bin: ['base', 'wire', 'remoting', 'broker', 'nameserver', 'controller', 'admin', 'cli', 'node'],
};

/** What must not stand in `src` outside `node` and `bin`, and what to use instead. */
const forbidden: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\bDate\.now\(|\bnew Date\(\)/, instead: 'Clock.now' },
  { pattern: /\bperformance\.now\(/, instead: 'Clock.monotonicMs' },
  { pattern: /\b(setTimeout|setInterval|setImmediate)\(/, instead: 'Clock.setTimer or afterTurn' },
  { pattern: /\bMath\.random\(|\brandomUUID\(|\brandomBytes\(/, instead: 'Random' },
  {
    pattern: /from 'node:(fs|fs\/promises|net|tls|os|child_process|worker_threads|timers)/,
    instead: 'a port',
  },
  { pattern: /\bprocess\.(?!stdout\.columns)/, instead: 'an option or a port' },
  { pattern: /\bconsole\./, instead: 'Logger' },
  { pattern: /\bexport default\b/, instead: 'a named export' },
  { pattern: /\bexport \* from\b/, instead: 'the names' },
  { pattern: /^[^']*(?:: any\b|\bas any\b|<any>)/, instead: 'a type' },
];

/** Folders that are faces of a process: they may use the terminal and the process. */
const processFolders = new Set(['node', 'bin', 'cli']);

const root = resolve(import.meta.dirname ?? dirname(new URL(import.meta.url).pathname), '../..');
const source = join(root, 'src');

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesUnder(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

/** The folder of the table that a file belongs to: the longest that fits. */
function ownerOf(path: string): string {
  const parts = relative(source, path).split(sep);
  const two = parts.slice(0, 2).join('/');
  return two in mayImport ? two : (parts[0] as string);
}

const files = filesUnder(source);
const isTest = (path: string): boolean => path.endsWith('.test.ts') || path.includes(`${sep}test-`);

test('folders import only what the architecture allows, and only by the door', () => {
  const wrong: string[] = [];
  for (const path of files) {
    const owner = ownerOf(path);
    const allowed = mayImport[owner];
    assert(allowed !== undefined, `src/${owner} is not in the table of test/tidy.test.ts`);
    for (const [, target] of readFileSync(path, 'utf8').matchAll(
      /(?:from|import\() ?'(\.[^']+)'/g,
    )) {
      const to = resolve(dirname(path), target as string);
      if (!to.startsWith(source + sep)) {
        if (!isTest(path)) wrong.push(`${relative(root, path)} imports ${target}`);
        continue;
      }
      const targetOwner = ownerOf(to);
      if (targetOwner === owner || isTest(path)) continue;
      if (!allowed.includes(targetOwner)) {
        wrong.push(`${relative(root, path)}: ${owner} may not import ${targetOwner}`);
      } else if (!to.endsWith(`${sep}index.ts`) && !isOptionsTable(to)) {
        wrong.push(`${relative(root, path)} imports ${relative(source, to)}, not the door`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

/** Option tables are data; the start-up reads them without loading the service. */
function isOptionsTable(path: string): boolean {
  return path.endsWith(`${sep}options.ts`) || path === join(source, 'views', 'snapshot.ts');
}

test('the world comes in through ports only', () => {
  const wrong: string[] = [];
  for (const path of files) {
    if (isTest(path) || processFolders.has(ownerOf(path))) continue;
    const lines = readFileSync(path, 'utf8').split('\n');
    lines.forEach((line, index) => {
      if (/^\s*(\*|\/\/|\/\*)/.test(line)) return;
      for (const { pattern, instead } of forbidden) {
        if (pattern.test(line)) {
          wrong.push(`${relative(root, path)}:${index + 1} ${line.trim()} - use ${instead}`);
        }
      }
    });
  }
  assert.deepEqual(wrong, []);
});

test('each folder has a door whose first lines say what it owns', () => {
  for (const folder of Object.keys(mayImport)) {
    if (folder === 'bin') continue;
    const door = readFileSync(join(source, folder, 'index.ts'), 'utf8');
    assert.match(door, /^\/\*\*/, `src/${folder}/index.ts begins with a comment`);
  }
});

test('files can be read in one sitting', () => {
  const long = files
    .map((path) => ({
      path: relative(root, path),
      lines: readFileSync(path, 'utf8').split('\n').length,
    }))
    .filter(({ path, lines }) => lines > (path.endsWith('.test.ts') ? 900 : 650));
  assert.deepEqual(long, []);
});

test('what the protocol page calls by a name of the code is there under that name', () => {
  const page = readFileSync(join(root, 'docs', 'protocol.md'), 'utf8');
  const words = new Set(files.flatMap((path) => readFileSync(path, 'utf8').match(/\w+/g) ?? []));
  const names = [...page.matchAll(/`([a-z]+(?:[A-Z][a-z]*)+)`/g)].map(([, name]) => name as string);
  assert(names.length > 20, 'it names fields and options');
  assert.deepEqual(
    names.filter((name) => !words.has(name)),
    [],
  );
});
