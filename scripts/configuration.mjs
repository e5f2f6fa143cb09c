// Writes docs/configuration.md from the compiled tables of options.
import { writeFileSync } from 'node:fs';

const { configurationPage } = await import('../build/src/bin/configuration-page.js');
writeFileSync('docs/configuration.md', configurationPage());
