/** Which tags codes a subscription wants; `all` for `*`. */
export interface TagFilter {
  readonly all: boolean;
  readonly codes: ReadonlySet<number>;
}

const everything: TagFilter = { all: true, codes: new Set() };
/** Distinct expressions in use are few; a client that invents new ones must not fill the memory. */
const maxCachedFilters = 4096;
const longestCached = 1024;
const cache = new Map<string, TagFilter>();

/**
 * The filter of a TAG expression (`a || b`). Codes are recomputed from the text: the Go client's `codeSet` is a hash
 * of UTF-8 bytes, the stored code is Java's hash of UTF-16 units. Collisions pass; clients check the tags again.
 */
export function tagFilterOf(subscription: string | undefined): TagFilter {
  if (subscription === undefined || subscription === '' || subscription === '*') return everything;
  const known = cache.get(subscription);
  if (known !== undefined) return known;
  const codes = new Set<number>();
  for (const tag of subscription.split('||')) {
    const trimmed = tag.trim();
    if (trimmed !== '') codes.add(hashCode(trimmed));
  }
  const filter = { all: false, codes };
  if (subscription.length > longestCached) return filter;
  if (cache.size >= maxCachedFilters) cache.clear();
  cache.set(subscription, filter);
  return filter;
}

/** Java's `String.hashCode`. */
function hashCode(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) {
    hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0;
  }
  return hash;
}
