// Writes docs/cli.md from the compiled catalogue of operations. An argument names another folder than build.
import { writeFileSync } from 'node:fs';

const build = process.argv[2] ?? 'build';
const { referencePage } = await import(`../${build}/src/cli/reference-page.js`);
writeFileSync('docs/cli.md', referencePage());
