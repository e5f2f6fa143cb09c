import { Failure } from '../../base/index.ts';
import { decodeText } from '../bytes.ts';
import { resolveReferences } from './references.ts';
import type { JsonObject, JsonValue } from './value.ts';
import { writeFastjson } from './write.ts';

export interface ParseLimits {
  /** Longest text, in UTF-16 units. */
  readonly maxLength: number;
  /** Deepest nesting of objects and arrays. */
  readonly maxDepth: number;
  /** Most values, counting each time that a `$ref` repeats one. */
  readonly maxValues: number;
}

export const defaultParseLimits: ParseLimits = {
  maxLength: 64 * 1024 * 1024,
  maxDepth: 64,
  maxValues: 4_000_000,
};

/**
 * Parses what fastjson 1.2.x writes and accepts: JSON, and also unquoted and numeric keys, objects as keys, single
 * quotes, comments, extra commas and `$ref`. Throws `Failure('invalid')` with the position.
 */
export function parseFastjson(
  source: string | Uint8Array,
  limits: ParseLimits = defaultParseLimits,
): JsonValue {
  const text = typeof source === 'string' ? source : decodeText(source, 0, source.length);
  if (text.length > limits.maxLength) {
    throw new Failure('invalid', `JSON: ${text.length} characters, at most ${limits.maxLength}`);
  }
  const parser = new Parser(text, limits);
  const value = parser.document();
  return parser.hasReferences ? resolveReferences(value, limits.maxValues) : value;
}

/**
 * The same for readers that look only at own properties and take a rounded number for a large one: JSON proper, which
 * most bodies are, is read by the platform, several times faster.
 */
export function parseQuickly(source: string | Uint8Array): JsonValue {
  const text = typeof source === 'string' ? source : decodeText(source, 0, source.length);
  if (text.length <= defaultParseLimits.maxLength && !text.includes('"$ref"')) {
    try {
      return JSON.parse(text) as JsonValue;
    } catch {
      // Not JSON proper: fastjson's dialect, or nothing at all.
    }
  }
  return parseFastjson(text);
}

class Parser {
  hasReferences = false;
  readonly #text: string;
  readonly #limits: ParseLimits;
  #at = 0;
  #depth = 0;
  #values = 0;

  constructor(text: string, limits: ParseLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  document(): JsonValue {
    const value = this.#value();
    this.#skipBlank();
    if (this.#at < this.#text.length) throw this.#failure('text after the end');
    return value;
  }

  #value(): JsonValue {
    if (++this.#values > this.#limits.maxValues) throw this.#failure('too many values');
    this.#skipBlank();
    const first = this.#text.charCodeAt(this.#at);
    switch (first) {
      case 0x7b:
        return this.#object();
      case 0x5b:
        return this.#array();
      case 0x22:
      case 0x27:
        return this.#string(first);
      default:
        return isNumberStart(first) ? this.#number() : this.#word();
    }
  }

  #object(): JsonObject {
    this.#enter();
    const object: Record<string, JsonValue> = Object.create(null);
    for (;;) {
      this.#skipBlankAndCommas();
      if (this.#take(0x7d)) break;
      const key = this.#key();
      this.#skipBlank();
      if (!this.#take(0x3a)) throw this.#failure('expected ":"');
      const value = this.#value();
      if (key === '$ref' && typeof value === 'string') this.hasReferences = true;
      object[key] = value;
      this.#skipBlank();
      const next = this.#text.charCodeAt(this.#at);
      if (next !== 0x2c && next !== 0x7d) throw this.#failure('expected "," or "}"');
    }
    this.#depth--;
    return object;
  }

  #array(): JsonValue[] {
    this.#enter();
    const array: JsonValue[] = [];
    for (;;) {
      this.#skipBlankAndCommas();
      if (this.#take(0x5d)) break;
      array.push(this.#value());
      this.#skipBlank();
      const next = this.#text.charCodeAt(this.#at);
      if (next !== 0x2c && next !== 0x5d) throw this.#failure('expected "," or "]"');
    }
    this.#depth--;
    return array;
  }

  #key(): string {
    const first = this.#text.charCodeAt(this.#at);
    if (first === 0x22 || first === 0x27) return this.#string(first);
    if (first === 0x7b || first === 0x5b) {
      if (++this.#values > this.#limits.maxValues) throw this.#failure('too many values');
      return writeFastjson(first === 0x7b ? this.#object() : this.#array());
    }
    const start = this.#at;
    while (isWordCharacter(this.#text.charCodeAt(this.#at))) this.#at++;
    if (this.#at === start) throw this.#failure('expected a key');
    return this.#text.slice(start, this.#at);
  }

  #string(mark: number): string {
    const text = this.#text;
    let start = ++this.#at;
    let result = '';
    for (;;) {
      const unit = text.charCodeAt(this.#at);
      if (Number.isNaN(unit)) throw this.#failure('string without an end');
      if (unit === mark) break;
      if (unit !== 0x5c) {
        this.#at++;
        continue;
      }
      result += text.slice(start, this.#at) + this.#escape();
      start = this.#at;
    }
    result += text.slice(start, this.#at);
    this.#at++;
    return result;
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1];
    const digits = letter === 'u' ? 4 : letter === 'x' ? 2 : 0;
    if (digits > 0) {
      const hex = this.#text.slice(this.#at + 2, this.#at + 2 + digits);
      if (hex.length !== digits || !/^[0-9a-fA-F]+$/.test(hex)) {
        throw this.#failure('malformed escape');
      }
      this.#at += 2 + digits;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const character = letter === undefined ? undefined : escapes.get(letter);
    if (character === undefined) throw this.#failure('unknown escape');
    this.#at += 2;
    return character;
  }

  #number(): number | bigint {
    numberPattern.lastIndex = this.#at;
    const match = numberPattern.exec(this.#text);
    if (match === null) throw this.#failure('malformed number');
    const [digits] = match;
    if (digits.length > maxNumberLength) throw this.#failure('number is too long');
    this.#at += digits.length;
    // Java's suffixes for long, float and the like.
    const suffix = this.#text.charCodeAt(this.#at) | 0x20;
    if (suffix === 0x6c || suffix === 0x64 || suffix === 0x66 || suffix === 0x73) this.#at++;
    if (isWordCharacter(this.#text.charCodeAt(this.#at))) throw this.#failure('malformed number');
    const value = Number(digits);
    const isWhole = !/[.eE]/.test(digits);
    if (!isWhole && !Number.isFinite(value)) throw this.#failure('number is too large');
    if (Number.isSafeInteger(value) || !isWhole) return value;
    return BigInt(digits.startsWith('+') ? digits.slice(1) : digits);
  }

  #word(): JsonValue {
    const start = this.#at;
    while (isWordCharacter(this.#text.charCodeAt(this.#at))) this.#at++;
    switch (this.#text.slice(start, this.#at)) {
      case 'true':
        return true;
      case 'false':
        return false;
      case 'null':
      case 'undefined':
      case 'NaN':
        return null;
      default:
        this.#at = start;
        throw this.#failure('expected a value');
    }
  }

  #enter(): void {
    this.#at++;
    if (++this.#depth > this.#limits.maxDepth) {
      throw this.#failure(`more than ${this.#limits.maxDepth} levels`);
    }
  }

  #take(unit: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== unit) return false;
    this.#at++;
    return true;
  }

  #skipBlankAndCommas(): void {
    this.#skipBlank();
    while (this.#take(0x2c)) this.#skipBlank();
  }

  #skipBlank(): void {
    const text = this.#text;
    for (;;) {
      const unit = text.charCodeAt(this.#at);
      if (unit === 0x20 || (unit >= 0x08 && unit <= 0x0d) || unit === 0xfeff) {
        this.#at++;
      } else if (unit === 0x2f) {
        this.#skipComment();
      } else {
        return;
      }
    }
  }

  #skipComment(): void {
    const kind = this.#text[this.#at + 1];
    const close = kind === '/' ? '\n' : kind === '*' ? '*/' : undefined;
    if (close === undefined) throw this.#failure('unexpected "/"');
    const end = this.#text.indexOf(close, this.#at + 2);
    this.#at = end < 0 ? this.#text.length : end + close.length;
  }

  #failure(what: string): Failure {
    return new Failure('invalid', `JSON: ${what} at character ${this.#at}`);
  }
}

/** Beyond every number that Java writes. */
const maxNumberLength = 400;
const numberPattern = /[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?/y;

const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["'", "'"],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['F', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['0', '\0'],
  ['1', '\u0001'],
  ['2', '\u0002'],
  ['3', '\u0003'],
  ['4', '\u0004'],
  ['5', '\u0005'],
  ['6', '\u0006'],
  ['7', '\u0007'],
]);

function isNumberStart(unit: number): boolean {
  return (unit >= 0x30 && unit <= 0x39) || unit === 0x2d || unit === 0x2b || unit === 0x2e;
}

/** What an unquoted key, word or number may consist of. */
function isWordCharacter(unit: number): boolean {
  return (
    (unit >= 0x61 && unit <= 0x7a) ||
    (unit >= 0x41 && unit <= 0x5a) ||
    (unit >= 0x30 && unit <= 0x39) ||
    unit === 0x5f ||
    unit === 0x24 ||
    unit === 0x2d ||
    unit === 0x2e ||
    unit === 0x2b ||
    unit >= 0x80
  );
}
