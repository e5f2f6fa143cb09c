/**
 * Where the ext fields of the command scanned last lie in its bytes. One table for the process, because a command is
 * scanned, read and answered before the next one is; a command whose positions were overwritten is scanned again.
 */
import type { IncomingCommand } from './incoming-command.ts';

/** Numbers per entry: key start, key end, value start, value end, and by how many bytes unescaping shrinks the value. */
export const entryWidth = 5;
/** A header with more fields is decoded as a whole instead. Clients send 15 or so. */
export const maxNotedFields = 256;

/** The positions of `extOwner.command`, `extOwner.count` entries. */
export const extPositions: Int32Array = new Int32Array(entryWidth * maxNotedFields);

export const extOwner: { command: IncomingCommand | undefined; count: number } = {
  command: undefined,
  count: 0,
};
