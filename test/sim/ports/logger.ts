import type { LogFields, Logger, LogLevel } from '../../../src/base/index.ts';

export interface SimLogLine {
  readonly atMs: number;
  readonly node: string;
  readonly component: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Gives each line, of any level, to `sink`. */
export class SimLogger implements Logger {
  readonly #component: string;
  readonly #sink: (line: Omit<SimLogLine, 'atMs' | 'node'>) => void;

  constructor(component: string, sink: (line: Omit<SimLogLine, 'atMs' | 'node'>) => void) {
    this.#component = component;
    this.#sink = sink;
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#sink({ component: this.#component, level: 'debug', message, fields });
  }

  info(message: string, fields: LogFields = {}): void {
    this.#sink({ component: this.#component, level: 'info', message, fields });
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#sink({ component: this.#component, level: 'warn', message, fields });
  }

  error(message: string, fields: LogFields = {}): void {
    this.#sink({ component: this.#component, level: 'error', message, fields });
  }

  child(component: string): Logger {
    return new SimLogger(component, this.#sink);
  }
}
