/** Shows characters that could move the cursor, recolour the screen or turn the direction of text as a dot. */
export function oneLine(text: string): string {
  return text
    .trimEnd()
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '·');
}
