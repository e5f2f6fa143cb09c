import type { Json } from '../admin/index.ts';

/** One YAML document, in block style; texts that could be read as something else stand in quotes. Ends with a new line. */
export function toYaml(value: Json): string {
  return `${block(value, '')}\n`;
}

function block(value: Json, indent: string): string {
  if (value === null || typeof value !== 'object') return scalar(value);
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  if (entries.length === 0) return isList ? '[]' : '{}';
  return entries
    .map(([key, item]) => {
      const inner = `${indent}  `;
      if (isList) return `${indent}- ${block(item, inner).slice(isBlock(item) ? inner.length : 0)}`;
      return `${indent}${scalar(key)}:${isBlock(item) ? '\n' : ' '}${block(item, inner)}`;
    })
    .join('\n');
}

const isBlock = (value: Json): boolean =>
  value !== null && typeof value === 'object' && Object.keys(value).length > 0;

/** JSON's texts are YAML's double-quoted texts, but for two line ends that only JSON allows to stand for themselves. */
function scalar(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return String(value);
  if (plain.test(value) && !words.test(value)) return value;
  return JSON.stringify(value)
    .replaceAll('\u0085', '\\u0085')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029')
    .replaceAll('\ufeff', '\\ufeff')
    .replaceAll('\u007f', '\\u007f');
}

/** Begins with a letter, so that it is neither a number nor punctuation. */
const plain = /^[\p{L}_/](?:[\p{L}\p{N}_./%@+-]| (?=[\p{L}\p{N}]))*$/u;
const words = /^(?:true|false|yes|no|on|off|y|n|null)$/i;
