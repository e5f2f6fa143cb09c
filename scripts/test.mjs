// Runs the compiled tests. Lists the files itself, since `node --test` globs differ across Node 20, 22 and 24.
// usage: node scripts/test.mjs [PATH-PART]... [-- NODE-TEST-OPTION...]
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const separator = process.argv.indexOf('--');
const wanted = process.argv.slice(2, separator < 0 ? undefined : separator);
const extra = separator < 0 ? [] : process.argv.slice(separator + 1);

/** Tests that need more than Node and npm, or longer than `npm test` may take, are run by `.ci/run` by name. */
const separateFolders = [join('build', 'test', 'process'), join('build', 'test', 'interop')];

function testFiles(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return separateFolders.includes(path) && wanted.length === 0 ? [] : testFiles(path);
    return entry.name.endsWith('.test.js') ? [path] : [];
  });
}

const files = [...testFiles('build/src'), ...testFiles('build/test')].filter(
  (file) => wanted.length === 0 || wanted.some((part) => file.includes(part)),
);
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`);
  process.exit(1);
}
// Each test file is a process of its own, which inherits the environment but not the options of this one.
const setup = new URL('../build/test/setup.js', import.meta.url).href;
const environment =
  process.env.HOLDFAST_PROPERTY_SEED === undefined
    ? process.env
    : { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${setup}` };
const run = spawnSync(
  process.execPath,
  ['--enable-source-maps', '--test', '--test-timeout=240000', ...extra, ...files],
  { stdio: 'inherit', env: environment },
);
process.exit(run.status ?? 1);
