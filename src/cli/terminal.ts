import type { TimestampMs } from '../base/index.ts';

/** Where a command writes and whom it may ask. */
export interface Terminal {
  /** Results. */
  write(text: string): void;
  /** Mistakes, questions and remarks. */
  writeError(text: string): void;
  /** Width of the screen that shows the results; undefined when they go to a file or a program. */
  readonly columns: number | undefined;
  /** Its height. */
  readonly rows: number | undefined;
  readonly colors: boolean;
  /** Somebody is there to answer `ask`. */
  readonly interactive: boolean;
  ask(question: string): Promise<string>;
  /** All of standard input. */
  readInput(): Promise<Uint8Array>;
  /** As a person here writes date and time, to the millisecond. */
  localTime(time: TimestampMs): string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}
