import type { KeyWithoutEffect } from './options.ts';
import type { Setting } from './properties.ts';

/** Keys of one Java class of RocketMQ. */
export interface KeyGroup {
  readonly javaClass: string;
  /** Why they mean nothing here; none for keys that are options. */
  readonly reason?: string;
  /**
   * `key=default`, or `key` where RocketMQ has no value, separated by commas and line ends. A key that has become an
   * option may stay.
   */
  readonly keys: string;
}

export interface KnownKey {
  /** RocketMQ's; undefined where it has no value. */
  readonly default: string | undefined;
  readonly javaClass: string;
  readonly reason: string | undefined;
}

/** By key; of two classes with the same key the first counts. */
export function knownKeys(groups: readonly KeyGroup[]): ReadonlyMap<string, KnownKey> {
  const known = new Map<string, KnownKey>();
  for (const { javaClass, reason, keys } of groups) {
    for (const line of keys.split(/,\s|\n/)) {
      const item = line.trim().replace(/,$/, '');
      if (item === '') continue;
      const end = item.indexOf('=');
      const key = end < 0 ? item : item.slice(0, end);
      const byDefault = end < 0 ? undefined : item.slice(end + 1);
      if (!known.has(key)) known.set(key, { default: byDefault, javaClass, reason });
    }
  }
  return known;
}

export function keysWithoutEffect(
  groups: readonly KeyGroup[],
): ReadonlyMap<string, KeyWithoutEffect> {
  const keys = new Map<string, KeyWithoutEffect>();
  for (const [key, { default: byDefault, reason }] of knownKeys(groups)) {
    if (reason !== undefined) keys.set(key, { default: byDefault ?? '', reason });
  }
  return keys;
}

/** Classes that RocketMQ tells nothing of: TLS is set by system properties there, and holds passwords. */
const untold: ReadonlySet<string> = new Set(['AuthConfig', 'TlsSystemConfig', 'before 5.x']);

/**
 * What GET_BROKER_CONFIG and GET_NAMESRV_CONFIG tell: the options, and RocketMQ's other keys with what the file says or
 * their default. As in RocketMQ, what has no value is not told.
 */
export function toldKeys(
  groups: readonly KeyGroup[],
  options: ReadonlyMap<string, string>,
  withoutEffect: readonly Setting[],
): ReadonlyMap<string, string> {
  const known = knownKeys(groups);
  const told = new Map<string, string>();
  for (const [key, { default: byDefault }] of known) {
    if (byDefault !== undefined) told.set(key, byDefault);
  }
  for (const { key, value } of withoutEffect) if (known.has(key)) told.set(key, value);
  for (const [key, value] of options) told.set(key, value);
  for (const [key, { javaClass }] of known) if (untold.has(javaClass)) told.delete(key);
  return told;
}
