/** Java's `String.format` for `%s` with a width: `%-20s` fills up on the right, `%20s` on the left. Ends with a new line. */
export function columns(
  pattern: string,
  ...values: readonly (string | number | boolean)[]
): string {
  let next = 0;
  const text = pattern.replace(/%(-?)(\d*)s/g, (_, left: string, width: string) => {
    const shown = String(values[next++] ?? '');
    return left === '' ? shown.padStart(Number(width)) : shown.padEnd(Number(width));
  });
  return `${text}\n`;
}

/** RocketMQ's `UtilAll.frontStringAtLeast`: the begin of a text, at most so long. */
export const front = (text: string, length: number): string => text.slice(0, length);

/** Java writes a whole `double` with one digit behind the point. */
export const javaDouble = (value: number): string =>
  Number.isInteger(value) ? `${value}.0` : String(value);

/** `GroupConsumeInfo` and `MessageQueue` are sorted so. */
export function byQueue(
  a: { readonly topic: string; readonly broker: string; readonly queueId: number },
  b: { readonly topic: string; readonly broker: string; readonly queueId: number },
): number {
  return compare(a.topic, b.topic) || compare(a.broker, b.broker) || a.queueId - b.queueId;
}

export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** As fastjson writes it for people: tabs, keys that are whole numbers without quotes. */
export function prettyJson(value: unknown, indent = ''): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const isList = Array.isArray(value);
  const entries: readonly (readonly [string, unknown])[] = Object.entries(value);
  if (entries.length === 0) return isList ? '[]' : '{}';
  const inner = `${indent}\t`;
  const lines = entries.map(([key, item]) => {
    const name = /^\d+$/.test(key) ? key : JSON.stringify(key);
    return `${inner}${isList ? '' : `${name}:`}${prettyJson(item, inner)}`;
  });
  const [open, close] = isList ? '[]' : '{}';
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}
