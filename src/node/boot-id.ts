import { readFileSync } from 'node:fs';

/** Linux draws a random one at each boot. */
const path = '/proc/sys/kernel/random/boot_id';

/** Identifies the present run of the operating system; undefined where it does not tell. */
export function readBootId(): string | undefined {
  try {
    const text = readFileSync(path, 'latin1').trim();
    return text === '' ? undefined : text;
  } catch {
    return undefined; // Another operating system, or a sandbox that hides it: nothing is assumed then.
  }
}
