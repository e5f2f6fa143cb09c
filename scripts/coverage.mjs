// Runs compiled test files and prints which share of the lines of src folders they execute. Node 20's own report fails
// on compiled sources with maps. usage: node scripts/coverage.mjs src/FOLDER[,src/FOLDER] BUILT-TEST-FILE...
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [folders = '', ...tests] = process.argv.slice(2);
const wanted = folders.split(',');
const reports = mkdtempSync(join(tmpdir(), 'holdfast-coverage-'));

/** Of each file, the characters that some run executed. */
const executed = new Map();

function add(url, functions) {
  const folder = wanted.find((name) => url.includes(`/${name}/`));
  if (folder === undefined || url.endsWith('.test.js')) return;
  const path = fileURLToPath(url);
  const known = executed.get(path) ?? { folder, text: readFileSync(path, 'utf8'), runs: undefined };
  const run = new Uint8Array(known.text.length).fill(1);
  // Outer ranges come before the inner ones that correct them.
  for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges)) {
    run.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  }
  known.runs = known.runs?.map((one, index) => one | run[index]) ?? run;
  executed.set(path, known);
}

function linesOf({ text, runs }) {
  let at = 0;
  let all = 0;
  let covered = 0;
  for (const line of text.split('\n')) {
    const code = line.trim();
    const start = at + line.indexOf(code);
    at += line.length + 1;
    if (code === '' || /^(?:\/\/|\/?\*|import |export \{|\})/.test(code)) continue;
    all++;
    if (runs.subarray(start, start + code.length).every((one) => one === 1)) covered++;
  }
  return { all, covered };
}

try {
  for (const file of tests) {
    const environment = { ...process.env, NODE_V8_COVERAGE: reports };
    const { status } = spawnSync(process.execPath, [file], { stdio: 'inherit', env: environment });
    if (status !== 0) process.exitCode = 1;
  }
  for (const name of readdirSync(reports)) {
    const { result } = JSON.parse(readFileSync(join(reports, name), 'utf8'));
    for (const { url, functions } of result) add(url, functions);
  }
} finally {
  rmSync(reports, { recursive: true, force: true });
}
const totals = new Map(wanted.map((folder) => [folder, { all: 0, covered: 0 }]));
for (const [path, file] of [...executed].sort(([one], [other]) => (one < other ? -1 : 1))) {
  const { all, covered } = linesOf(file);
  const total = totals.get(file.folder);
  total.all += all;
  total.covered += covered;
  const share = ((100 * covered) / Math.max(1, all)).toFixed(1).padStart(6);
  console.log(`${share} %  ${path.slice(path.indexOf(file.folder))}`);
}
for (const [folder, { all, covered }] of totals) {
  console.log(`${folder}: ${((100 * covered) / Math.max(1, all)).toFixed(1)} % of ${all} lines`);
}
