import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { referenceOfAll } from './reference.ts';

test('docs/cli.md is what the catalogue and the commands say; npm run reference writes it', async () => {
  assert.equal(readFileSync('docs/cli.md', 'utf8'), await referenceOfAll());
});

test('cluster and each of its commands are on the page', async () => {
  const page = await referenceOfAll();
  for (const name of ['', ' status', ' kill', ' pause', ' resume', ' start', ' stop']) {
    assert.ok(page.includes(`### holdfast cluster${name}\n`), name);
  }
});
