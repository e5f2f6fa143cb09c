import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { operations } from '../admin/index.ts';
import { toolCommands } from './mqadmin/index.ts';
import { referencePage } from './reference-page.ts';

test('docs/cli.md is what the catalogue says; npm run reference writes it', () => {
  assert.equal(readFileSync('docs/cli.md', 'utf8'), referencePage());
});

test('each operation and each command of mqadmin is on the page', () => {
  const page = referencePage();
  for (const { name } of operations) assert.ok(page.includes(`### holdfast ${name}\n`), name);
  for (const { name } of toolCommands) assert.ok(page.includes(`usage: mqadmin ${name} `), name);
});
