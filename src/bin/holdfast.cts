#!/usr/bin/env node
/**
 * The program. A CommonJS module, because Node 20 reads the file of an ES module with libuv's pool, whose size is fixed by
 * its first use: RocksDB and files need more than the four threads it would have.
 */
const poolThreads = 16;

process.env['UV_THREADPOOL_SIZE'] ??= String(poolThreads);

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 15)) {
  process.stderr.write(`holdfast needs Node.js 20.15 or newer; this is ${process.version}\n`);
  process.exitCode = 1;
} else {
  import('./main.ts').then(
    ({ main }) => main(process.argv.slice(2)),
    (error: unknown) => {
      process.stderr.write(`holdfast: ${String(error)}\n`);
      process.exitCode = 1;
    },
  );
}
