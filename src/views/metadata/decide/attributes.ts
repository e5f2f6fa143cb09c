import { ResponseCode } from '../../../wire/index.ts';
import { type Refusal, refuse } from './decision.ts';

export type Attributes = ReadonlyMap<string, string>;

/** What an attribute may hold; values in the order in which Java names them. */
type AttributeKind =
  | { readonly type: 'oneOf'; readonly values: readonly string[] }
  | { readonly type: 'integer'; readonly min: bigint; readonly max: bigint }
  | { readonly type: 'boolean' }
  | { readonly type: 'text' };

/** `changeable` is false for what must be given when the topic is created. */
export interface AttributeRule {
  readonly kind: AttributeKind;
  readonly changeable: boolean;
}

const largestLong = 2n ** 63n - 1n;
const text: AttributeKind = { type: 'text' };
const boolean: AttributeKind = { type: 'boolean' };
const oneOf = (...values: string[]): AttributeKind => ({ type: 'oneOf', values });
const integer = (min: bigint, max: bigint): AttributeKind => ({ type: 'integer', min, max });

/** Source: `TopicAttributes`, 5.5.0. */
export const topicAttributes: ReadonlyMap<string, AttributeRule> = new Map(
  Object.entries({
    'queue.type': { kind: oneOf('SimpleCQ', 'BatchCQ'), changeable: false },
    'cleanup.policy': { kind: oneOf('DELETE', 'COMPACTION'), changeable: false },
    'message.type': {
      kind: oneOf(
        'UNSPECIFIED',
        'MIXED',
        'TRANSACTION',
        'PRIORITY',
        'FIFO',
        'DELAY',
        'LITE',
        'NORMAL',
      ),
      changeable: true,
    },
    /** Milliseconds, or -1. */
    'reserve.time': { kind: integer(-1n, largestLong), changeable: true },
    /** Minutes, or -1. */
    'lite.topic.expiration': { kind: integer(-1n, 43_200n), changeable: true },
  }),
);

/** Source: `SubscriptionGroupAttributes`, 5.5.0. */
export const groupAttributes: ReadonlyMap<string, AttributeRule> = new Map(
  Object.entries({
    'priority.factor': { kind: integer(0n, 100n), changeable: true },
    'lite.bind.topic': { kind: text, changeable: true },
    'lite.sub.client.max.event.cnt': { kind: integer(10n, largestLong), changeable: true },
    'lite.sub.client.quota': { kind: integer(-1n, largestLong), changeable: true },
    'lite.sub.model': { kind: oneOf('Shared', 'Exclusive'), changeable: true },
    'lite.sub.reset.offset.exclusive': { kind: boolean, changeable: true },
    'lite.sub.reset.offset.unsubscribe': { kind: boolean, changeable: true },
    'lite.sub.wildcard': { kind: text, changeable: true },
  }),
);

/**
 * The change set that a request's text spells: `+key=value` and `-key`, separated by commas, as the map that request
 * bodies carry. Source: `AttributeParser`.
 */
export function parseAttributeChanges(
  text: string,
): { readonly changes: Attributes } | { readonly refused: Refusal } {
  const changes = new Map<string, string>();
  const listed = text.replace(/,+$/, '');
  for (const part of listed === '' ? [] : listed.split(',')) {
    const [key = '', value] = part.split('=');
    if (value === undefined) {
      if (!key.includes('-')) return wrong(`delete attribute format is wrong: ${key}`);
    } else if (!key.includes('+') || value === '') {
      return wrong(`add/alter attribute format is wrong: ${key}`);
    }
    if (changes.has(key)) return wrong(`key duplication: ${key}`);
    changes.set(key, value ?? '');
  }
  return { changes };
}

/**
 * The attributes after a change set: keys of `changes` begin with `+` (set) or `-` (remove); what is stored has no
 * prefix. `current` is undefined while the owner is being created. Source: `AttributeUtil.alterCurrentAttributes`;
 * unlike there, setting an unchangeable attribute to the value it has is no error, so that a create whose outcome was
 * unknown can be repeated.
 */
export function alterAttributes(
  rules: ReadonlyMap<string, AttributeRule>,
  current: Attributes | undefined,
  changes: Attributes,
): { readonly attributes: Attributes } | { readonly refused: Refusal } {
  const attributes = new Map(current);
  const seen = new Set<string>();
  for (const [change, value] of changes) {
    const operation = change.charAt(0);
    const key = change.slice(1);
    if (key === '' || key.includes('+') || key.includes('-'))
      return wrong('kv string format wrong.');
    if (seen.has(key)) return wrong(`alter duplication key. key: ${key}`);
    seen.add(key);
    if (current === undefined && operation !== '+') {
      return wrong(`only add attribute is supported while creating topic. key: ${key}`);
    }
    if (operation !== '+' && operation !== '-') return wrong(`wrong format key: ${key}`);
    const before = current?.get(key);
    if (operation === '-' && before === undefined) {
      return wrong(`attempt to delete a nonexistent key: ${key}`);
    }
    const rule = rules.get(key);
    if (rule === undefined) return wrong(`unsupported key: ${key}`);
    if (operation === '+' && before === value) continue;
    if (current !== undefined && !rule.changeable) {
      return wrong(`attempt to update an unchangeable attribute. key: ${key}`);
    }
    if (operation === '-') {
      attributes.delete(key);
      continue;
    }
    const why = whyIllegal(rule.kind, value);
    if (why !== undefined) return wrong(why);
    attributes.set(key, value);
  }
  return { attributes };
}

function whyIllegal(kind: AttributeKind, value: string): string | undefined {
  switch (kind.type) {
    case 'oneOf':
      return kind.values.includes(value)
        ? undefined
        : `value is not in set: [${kind.values.join(', ')}]`;
    case 'integer': {
      if (!/^[+-]?\d{1,19}$/.test(value)) return `For input string: "${value}"`;
      const number = BigInt(value.replace(/^\+/, ''));
      if (number > largestLong) return `For input string: "${value}"`;
      return number >= kind.min && number <= kind.max
        ? undefined
        : `value is not in range(${kind.min}, ${kind.max})`;
    }
    case 'boolean':
      return value === 'true' || value === 'false'
        ? undefined
        : 'boolean attribute format is wrong.';
    case 'text':
      return undefined;
  }
}

function wrong(remark: string): { readonly refused: Refusal } {
  return refuse(ResponseCode.SYSTEM_ERROR, remark);
}
