/**
 * Keys are bytes, and a `Map` needs strings: each byte becomes one character (latin1), so that different keys never
 * meet. For ASCII names, nearly all there are, key text and name are equal.
 */
export type KeyText = string;

export function keyText(bytes: Uint8Array): KeyText {
  return bufferOf(bytes).toString('latin1');
}

export function keyBytes(text: KeyText): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** The key text of a name, which is UTF-8 in a key. */
export function keyTextOfName(name: string): KeyText {
  return isAscii(name) ? name : Buffer.from(name, 'utf8').toString('latin1');
}

export function nameOfKeyText(text: KeyText): string {
  return isAscii(text) ? text : Buffer.from(text, 'latin1').toString('utf8');
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** `Buffer`'s methods on bytes that may not be a `Buffer`, without copying them. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
