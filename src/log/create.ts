import type { Disk, PhysicalOffset } from '../base/index.ts';
import { folderOf, makeDurableFolder } from './atomic-replace.ts';
import { Durability } from './durability.ts';
import { type EpochEntry, EpochList } from './epochs.ts';
import type { LogPlaces } from './segment.ts';
import { createSegment } from './segment-list.ts';

/**
 * Makes an empty log that begins at `begin`, a border of segments, and knows the epochs that began below it; where there
 * is no log. `CommitLog.open` then finds it. Durable once it returns.
 */
export async function createLog(
  options: { readonly places: LogPlaces; readonly segmentBytes: number },
  begin: PhysicalOffset,
  epochs: readonly EpochEntry[],
  disk: Disk,
): Promise<void> {
  const { places, segmentBytes } = options;
  const durability = new Durability();
  await makeDurableFolder(disk, places.segments);
  await makeDurableFolder(disk, places.checksums);
  const list = new EpochList(places.epochs);
  for (const entry of epochs) if (entry.start < begin) list.note(entry);
  await list.save(disk, begin, durability);
  const shape = { segmentBytes, blockBytes: segmentBytes }; // Its checksums are not taken here.
  const segment = await createSegment(disk, places, begin, shape, durability);
  await segment.close();
  await durability.sync(folderOf(disk, places.root));
}

/** Removes all files of a log. Durable once it returns; a crash before leaves some of them. */
export async function removeLog(places: LogPlaces, disk: Disk): Promise<void> {
  for (const path of [places.segments, places.checksums, places.mark, places.epochs]) {
    await disk.remove(path);
  }
  await disk.syncFolder(places.root);
}
