// Writes docs/formats from the compiled schemas. usage: node scripts/formats.mjs [BUILD-FOLDER]
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const build = resolve(process.argv[2] ?? 'build');
const module = pathToFileURL(`${build}/src/wire/format-pages.js`).href;
const { formatPages } = await import(module);
mkdirSync('docs/formats', { recursive: true });
for (const [name, text] of formatPages()) writeFileSync(`docs/formats/${name}`, text);
