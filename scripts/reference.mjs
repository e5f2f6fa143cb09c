// Writes docs/cli.md from the compiled catalogue of operations. An argument names another folder than build.
import { writeFileSync } from 'node:fs';

const build = process.argv[2] ?? 'build';
const { referenceOfAll } = await import(`../${build}/src/bin/reference.js`);
writeFileSync('docs/cli.md', await referenceOfAll());
