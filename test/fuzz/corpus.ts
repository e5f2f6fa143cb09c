import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FrameReader, type IncomingCommand } from '../../src/wire/index.ts';

interface Capture {
  readonly frames: readonly { readonly request: string; readonly answer?: string }[];
}

/** Frames that Java programs sent and got (test/compat/wire). */
export function capturedFrames(): readonly Uint8Array[] {
  const folder = 'test/compat/wire';
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name): Capture => JSON.parse(readFileSync(join(folder, name), 'utf8')))
    .flatMap(({ frames }) => frames.flatMap(({ request, answer = '' }) => [request, answer]))
    .filter((hex) => hex !== '')
    .map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));
}

/** The commands in these bytes, each with memory of its own. */
export function commandsIn(frame: Uint8Array): IncomingCommand[] {
  const commands: IncomingCommand[] = [];
  new FrameReader().push(frame, (command) => commands.push(command.detach()));
  return commands;
}
