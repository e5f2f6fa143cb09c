import { type Disk, Failure } from '../base/index.ts';
import { readChecksummed, replaceChecksummed } from '../log/index.ts';

/** A file of this name says that the store is damaged, and where: it was found by what a start does not look at. */
export const damageMark = 'damaged';

/** The store is not opened any more until it is replaced, or somebody who has mended it removes the mark. Durable. */
export async function markDamaged(disk: Disk, folder: string, what: string): Promise<void> {
  await replaceChecksummed(disk, `${folder}/${damageMark}`, what.replaceAll(/\s+/g, ' '));
}

export async function isMarkedDamaged(disk: Disk, folder: string): Promise<boolean> {
  return (await disk.list(folder)).some(({ name }) => name === damageMark);
}

/** Fails `corrupt`, naming what is damaged, if that was noted. */
export async function checkDamageMark(disk: Disk, folder: string): Promise<void> {
  const path = `${folder}/${damageMark}`;
  const what = await readChecksummed(disk, path);
  if (what !== undefined) throw new Failure('corrupt', `${what} (as ${path} says)`);
}
