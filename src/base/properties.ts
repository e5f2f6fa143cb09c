/** One assignment as it was found. */
export interface Setting {
  readonly key: string;
  readonly value: string;
  /** For people: `broker.conf:12`, `--set`. */
  readonly origin: string;
}

export interface ReadSettings {
  readonly settings: readonly Setting[];
  /** One sentence each, beginning with the origin. */
  readonly problems: readonly string[];
}

/**
 * The text of a properties file. Java reads it as ISO-8859-1; here what is UTF-8 is read as such, as whoever wrote it
 * meant, and ASCII is the same in both. A mark of the byte order is left out.
 */
export function decodeProperties(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  }
}

/**
 * Java properties text: comments start with `#` or `!`; key and value are separated by `=`, `:` or blanks; a backslash
 * escapes the next character or continues the line. Unlike Java, blanks behind a value are dropped: there they make a
 * number unreadable and the default silently stays. Source: `java.util.Properties`, method `load`.
 */
export function parseProperties(text: string, file: string): ReadSettings {
  const settings: Setting[] = [];
  const problems: string[] = [];
  const lines = text.split(/\r\n|\r|\n/);
  for (let index = 0; index < lines.length; index++) {
    const origin = `${file}:${index + 1}`;
    let line = withoutLeadingBlanks(lines[index] ?? '');
    if (line === '' || line.startsWith('#') || line.startsWith('!')) continue;
    while (isContinued(line) && index + 1 < lines.length) {
      index += 1;
      line = line.slice(0, -1) + withoutLeadingBlanks(lines[index] ?? '');
    }
    if (isContinued(line)) line = line.slice(0, -1); // The last line of the file.
    const [rawKey, rawValue] = splitKey(line);
    const key = unescaped(rawKey);
    const value = unescaped(withoutTrailingBlanks(rawValue));
    if (key === undefined || value === undefined) {
      problems.push(`${origin}: \\u must be followed by four hexadecimal digits`);
    } else {
      settings.push({ key, value, origin });
    }
  }
  return { settings, problems };
}

/**
 * Text that `parseProperties` and Java read back, whatever the encoding they assume: what is not ASCII is escaped.
 * Sorted by key.
 */
export function formatProperties(entries: Iterable<readonly [string, string]>): string {
  const lines = [...entries].map(([key, value]) => `${escapedKey(key)}=${escapedValue(value)}\n`);
  return lines.sort().join('');
}

const escapedKey = (text: string): string => escaped(text, /[\\=: \t\f#!]/g);
/** Blanks matter at the ends only. */
const escapedValue = (text: string): string => escaped(text, /\\|^[ \t\f]|[ \t\f]$/g);

function escaped(text: string, marks: RegExp): string {
  const controls: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r' };
  return text
    .replace(marks, (mark) => `\\${mark}`)
    .replace(/[\n\r]/g, (control) => controls[control] ?? control)
    .replace(/[^\x20-\x7e\t\f]/g, (character) => {
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    });
}

/** `key=value` of the command line, taken as it is: no escapes. */
export function parseAssignments(texts: readonly string[], origin: string): ReadSettings {
  const settings: Setting[] = [];
  const problems: string[] = [];
  for (const text of texts) {
    const end = text.indexOf('=');
    if (end <= 0) problems.push(`${origin} ${text}: must be KEY=VALUE`);
    else
      settings.push({ key: text.slice(0, end).trim(), value: text.slice(end + 1).trim(), origin });
  }
  return { settings, problems };
}

const withoutLeadingBlanks = (line: string): string => line.replace(/^[ \t\f]+/, '');

/** Leaves a blank that a backslash escapes. */
function withoutTrailingBlanks(text: string): string {
  const trimmed = text.replace(/[ \t\f]+$/, '');
  return isContinued(trimmed) ? text.slice(0, trimmed.length + 1) : trimmed;
}

/** Ends with an odd number of backslashes. */
function isContinued(line: string): boolean {
  let count = 0;
  while (line[line.length - 1 - count] === '\\') count += 1;
  return count % 2 === 1;
}

/** The separator is one of `=` and `:` with blanks around it, or blanks alone. */
function splitKey(line: string): [key: string, value: string] {
  let end = 0;
  while (end < line.length && !/[=: \t\f]/.test(line.charAt(end))) {
    end += line[end] === '\\' ? 2 : 1;
  }
  return [line.slice(0, end), line.slice(end).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '')];
}

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

/** Undefined when a `\u` escape is malformed. */
function unescaped(text: string): string | undefined {
  let malformed = false;
  const result = text.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (_, hex, character) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (character === 'u') malformed = true;
    return escapes[character] ?? character;
  });
  return malformed ? undefined : result;
}
