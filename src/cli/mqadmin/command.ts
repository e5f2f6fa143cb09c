import type { Admin } from '../../admin/index.ts';
import { type Address, Failure, parseAddress } from '../../base/index.ts';
import type { Terminal } from '../terminal.ts';
import type { Given, ToolOption } from './options.ts';

export interface ToolContext {
  readonly admin: Admin;
  readonly terminal: Terminal;
  readonly given: Given;
  write(text: string): void;
}

/** One command of RocketMQ's tool. */
export interface ToolCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly ToolOption[];
  run(context: ToolContext): Promise<void>;
}

export function addressOf(text: string): Address {
  const address = parseAddress(text.trim());
  if (address !== undefined) return address;
  throw new Failure('invalid', `must be host:port, not "${text}"`);
}

/** As Java's `Boolean.parseBoolean`; absent is the default of RocketMQ's class. */
export function truth(given: Given, name: string, fallback: boolean): boolean {
  const text = given.get(name);
  return text === undefined ? fallback : text.trim().toLowerCase() === 'true';
}

export function number(given: Given, name: string, fallback: number): number {
  const text = given.get(name)?.trim();
  if (text === undefined) return fallback;
  if (/^-?\d+$/.test(text)) return Number(text);
  throw new Failure('invalid', `${name} must be a whole number, not "${text}"`);
}

export const text = (given: Given, name: string): string => given.get(name)?.trim() ?? '';

/** `+a=b,+c=d,-e`; the signs stay. Source: `AttributeParser`. */
export function attributes(given: Given, name: string): ReadonlyMap<string, string> {
  const changes = new Map<string, string>();
  const written = text(given, name);
  if (written === '') return changes;
  for (const change of written.split(',')) {
    const match = /^(?:(\+[^=]+)=(.+)|(-[^=]+))$/.exec(change.trim());
    if (match === null) {
      throw new Failure('invalid', `add/alter attribute format is wrong: ${change}`);
    }
    changes.set(match[1] ?? match[3] ?? '', match[2] ?? '');
  }
  return changes;
}

export const javaMap = (entries: Iterable<readonly [unknown, unknown]>): string =>
  `{${[...entries].map(([key, value]) => `${key}=${value}`).join(', ')}}`;
