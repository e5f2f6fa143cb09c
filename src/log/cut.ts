import { type Disk, Failure, type PhysicalOffset, physicalOffset } from '../base/index.ts';
import { folderOf } from './atomic-replace.ts';
import { Durability } from './durability.ts';
import { baseOf, type LogPlaces, nameOf } from './segment.ts';
import { noMark, SyncedMark } from './synced-mark.ts';
import { Window, walkRecords } from './walk.ts';

const windowBytes = 8 * 2 ** 20;

/**
 * Cuts a closed log so that it ends at `position`: protocol rule 6. Fails `invalid`, having changed nothing, when that is
 * below its begin or no border of its records, and `corrupt` when they are damaged below. First it is
 * forgotten how far the log was synced and what its checksums are from the segment of the cut on, then the segments
 * behind go, newest first, then the rest of that one; each step is durable before the next. So after a crash at any
 * moment the log opens and ends at the cut or above it, and the same cut can be made again.
 */
export async function cutLog(
  options: { readonly places: LogPlaces; readonly segmentBytes: number },
  position: PhysicalOffset,
  disk: Disk,
): Promise<void> {
  const { places, segmentBytes } = options;
  const durability = new Durability();
  const segments = await basesIn(disk, places.segments);
  const begin = segments[0] ?? 0;
  if (position < begin) {
    throw new Failure('invalid', `the log begins at ${begin} and cannot be cut at ${position}`);
  }
  const base = Math.floor(position / segmentBytes) * segmentBytes;
  await checkBorder({ base, position, segmentBytes }, pathOf(places, base), disk);
  for (const name of await disk.list(places.checksums)) {
    const from = baseOf(name.name);
    if (from !== undefined && from >= base) await disk.remove(`${places.checksums}/${name.name}`);
  }
  await durability.sync(folderOf(disk, places.checksums));
  const mark = await SyncedMark.read(disk, places.mark);
  try {
    if (mark.mark.position > base) {
      await mark.write({ ...noMark, position: physicalOffset(base) }, durability);
    }
  } finally {
    await mark.close();
  }
  for (const newer of segments.filter((from) => from > position).reverse()) {
    await disk.remove(pathOf(places, newer));
    await durability.sync(folderOf(disk, places.segments));
  }
  if (!segments.includes(base)) return;
  await using file = await disk.open(pathOf(places, base), 'write');
  await file.truncate(position - base);
  await file.truncate(segmentBytes);
  await durability.sync(file);
}

async function checkBorder(
  cut: { readonly base: number; readonly position: number; readonly segmentBytes: number },
  path: string,
  disk: Disk,
): Promise<void> {
  const { base, position, segmentBytes } = cut;
  if (position === base) return;
  await using file = await disk.open(path, 'read');
  const { found, ...end } = await walkRecords(
    { from: base, to: base + segmentBytes, segmentEnd: base + segmentBytes },
    async (into, at) => {
      into.fill(0, await file.read(into, at - base));
    },
    new Window(windowBytes),
    { record: () => {}, refuse: (_bytes, _at, at) => (at < position ? undefined : 'behind') },
  );
  if (end.position === position) return;
  if (end.position > position || found === 'blank') {
    throw new Failure('invalid', `the log cannot be cut at ${position}: no record ends there`);
  }
  throw new Failure('corrupt', `${path} is damaged at position ${end.position}: ${end.why}`);
}

const pathOf = (places: LogPlaces, base: number): string => `${places.segments}/${nameOf(base)}`;

async function basesIn(disk: Disk, folder: string): Promise<number[]> {
  const bases = (await disk.list(folder)).map(({ name }) => baseOf(name));
  return bases.filter((base) => base !== undefined).sort((a, b) => a - b);
}
