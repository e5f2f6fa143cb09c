import pico from 'picocolors';
import type { Terminal } from '../cli/index.ts';

/** The terminal that the process was started in. picocolors respects NO_COLOR, FORCE_COLOR and TERM=dumb. */
export const nodeTerminal: Terminal = {
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
  get columns() {
    return process.stdout.isTTY ? process.stdout.columns : undefined;
  },
  get rows() {
    return process.stdout.isTTY ? process.stdout.rows : undefined;
  },
  colors: pico.isColorSupported && process.stdout.isTTY === true,
  interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
  async ask(question) {
    const { createInterface } = await import('node:readline/promises'); // Loaded for those who ask.
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await lines.question(question);
    } finally {
      lines.close();
    }
  },
  async readInput() {
    const chunks: Uint8Array[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk);
    return Buffer.concat(chunks);
  },
  localTime: (time) => {
    const date = new Date(time);
    const local = new Date(time - date.getTimezoneOffset() * 60_000).toISOString();
    return `${local.slice(0, 10)} ${local.slice(11, 23)}`;
  },
  environment: process.env,
};

/** A reader that went away, such as `head`, is no mistake: end quietly. */
export function watchReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

/** Aborts at the first SIGTERM or SIGINT. A second one, from an impatient person or supervisor, changes nothing. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted)
        nodeTerminal.writeError(`holdfast: ${name}: already stopping\n`);
      else controller.abort(name);
    });
  }
  return controller.signal;
}
