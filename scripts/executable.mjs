// Marks the programs named on the command line as executable, which `tsc` does not. Nothing to do on Windows.
import { chmodSync } from 'node:fs';

for (const file of process.argv.slice(2)) chmodSync(file, 0o755);
