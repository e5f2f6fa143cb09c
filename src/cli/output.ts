import { type AnyOperation, type Change, changesShape, type Json } from '../admin/index.ts';
import type { Terminal } from './terminal.ts';
import { toYaml } from './yaml.ts';

export const outputFormats = ['table', 'json', 'yaml'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** Text for one result, ready to be written. */
export async function printerOf(
  operation: AnyOperation,
  format: OutputFormat,
  terminal: Terminal,
  { isRepeated = operation.kind === 'stream' }: { readonly isRepeated?: boolean } = {},
): Promise<(result: unknown) => string> {
  if (format === 'table') {
    // Measuring text loads tables of Unicode, which programs need not wait for.
    const [{ viewOf }, { screenOf }] = await Promise.all([
      import('./views.ts'),
      import('./screen.ts'),
    ]);
    const view = viewOf(operation);
    const screen = screenOf(terminal);
    return (result) => view(result, screen);
  }
  return (result) => encode(operation.output.toJson(result), format, isRepeated);
}

export async function showChanges(
  changes: readonly Change[],
  format: OutputFormat,
  terminal: Terminal,
): Promise<string> {
  if (format !== 'table') return encode(changesShape.toJson(changes), format, false);
  const [{ changesView }, { screenOf }] = await Promise.all([
    import('./views.ts'),
    import('./screen.ts'),
  ]);
  return changesView(changes, screenOf(terminal));
}

/** One of many is a line or a document; one alone is indented, for people look at it too. */
function encode(json: Json, format: 'json' | 'yaml', isRepeated: boolean): string {
  if (format === 'yaml') return `${isRepeated ? '---\n' : ''}${toYaml(json)}`;
  return `${JSON.stringify(json, undefined, isRepeated ? 0 : 2)}\n`;
}
