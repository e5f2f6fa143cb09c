import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operations } from '../admin/index.ts';
import { toolCommands } from './mqadmin/index.ts';
import { referencePage } from './reference-page.ts';

test('each operation and each command of mqadmin is on the page', () => {
  const page = referencePage([]);
  for (const { name } of operations) assert.ok(page.includes(`### holdfast ${name}\n`), name);
  for (const { name } of toolCommands) assert.ok(page.includes(`usage: mqadmin ${name} `), name);
});
