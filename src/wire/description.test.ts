import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { describeSchemas, hashSchema } from './description.ts';
import { formatPages } from './format-pages.ts';

const hashesFile = 'test/compat/wire/schema-hashes.txt';

test('a schema changes only on purpose: UPDATE=1 rewrites the hashes', () => {
  const lines = describeSchemas().map((schema) => `${schema.name} ${hashSchema(schema)}\n`);
  if (process.env['UPDATE'] === '1') writeFileSync(hashesFile, lines.join(''));
  assert.equal(lines.join(''), readFileSync(hashesFile, 'utf8'));
});

test('a hash depends on each name, key and kind of a schema', () => {
  const schema = { name: 'A', type: 'header', fields: [{ name: 'n', wireKey: 'k', kind: 'int' }] };
  const variants = [
    schema,
    { ...schema, name: 'B' },
    { ...schema, fields: [] },
    { ...schema, fields: [{ name: 'n', wireKey: 'l', kind: 'int' }] },
    { ...schema, fields: [{ name: 'n', wireKey: 'k', kind: 'optional int' }] },
  ] as Parameters<typeof hashSchema>[0][];
  assert.equal(new Set(variants.map(hashSchema)).size, variants.length);
});

test('names of schemas are unique and wire keys are unique in each header', () => {
  const schemas = describeSchemas();
  assert.equal(new Set(schemas.map(({ name }) => name)).size, schemas.length);
  for (const { name, type, fields } of schemas) {
    if (type === 'record') continue;
    assert.equal(new Set(fields.map(({ wireKey }) => wireKey)).size, fields.length, name);
  }
});

test('the pages of docs/formats are those of the schemas: node scripts/formats.mjs rewrites them', () => {
  for (const [name, text] of formatPages()) {
    assert.equal(readFileSync(`docs/formats/${name}`, 'utf8'), text, name);
  }
});
