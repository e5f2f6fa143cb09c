import pico from 'picocolors';
import type { TimestampMs } from '../base/index.ts';
import type { Terminal } from './terminal.ts';

/** What a view knows about where it is shown. */
export interface Screen {
  readonly width: number | undefined;
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly bad: (text: string) => string;
  /** Nothing for "never". */
  readonly moment: (time: TimestampMs) => string;
}

export function screenOf(terminal: Terminal): Screen {
  const colors = pico.createColors(terminal.colors);
  return {
    width: terminal.columns,
    strong: colors.bold,
    faint: colors.dim,
    bad: colors.red,
    moment: (time) => (time > 0 ? terminal.localTime(time) : ''),
  };
}
