import type { Entries } from './entries.ts';
import { HashFilter } from './filter.ts';
import { type Bounds, boundsOf, type Page } from './page.ts';

/** A run in the database, as memory knows it. Its key is its first position. */
export interface Run extends Bounds {
  readonly count: number;
  readonly filter: HashFilter;
}

export function runOf(entries: Entries): Run {
  const filter = new HashFilter(entries.length);
  for (let index = 0; index < entries.length; index++) {
    filter.add(entries.hashes[index] as number);
  }
  return { ...boundsOf(entries), count: entries.length, filter };
}

export function runFromPage(page: Page): Run {
  const filter = new HashFilter(page.count);
  for (let index = 0; index < page.count; index++) filter.add(page.hash(index));
  return { ...page.bounds, count: page.count, filter };
}

export function runName(first: number): string {
  return `index run ${first}`;
}
