import { createRequire } from 'node:module';
import { destination as openDestination, type Logger as Pino, pino, stdSerializers } from 'pino';
import type { LogFields, Logger, LogLevel } from '../base/index.ts';
import { prettyLine } from './pretty-line.ts';

type PinoPretty = typeof import('pino-pretty');

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Levels of components that differ. */
  readonly levels?: Readonly<Record<string, LogLevel>>;
  /** Lines for a person at a terminal instead of JSON. */
  readonly pretty: boolean;
  /** Takes one line at a time. Standard error by default: standard output belongs to the program's results. */
  readonly destination?: { write(line: string): void };
}

export interface NodeLogger extends Logger {
  /** From now on, for one component; without one, for all that have no level of their own. */
  setLevel(level: LogLevel, component?: string): void;
}

/** Each line is written before the call returns, so that none is lost when the process ends right after it. */
export function createLogger(options: LoggerOptions): NodeLogger {
  return new Loggers(options).root;
}

class Loggers {
  readonly root: NodeLogger;
  readonly #pino: Pino;
  readonly #levels: Map<string, LogLevel>;
  readonly #components = new Map<string, PinoLogger>();
  #level: LogLevel;

  constructor(options: LoggerOptions) {
    this.#level = options.level;
    this.#levels = new Map(Object.entries(options.levels ?? {}));
    const lines = options.destination ?? openDestination({ dest: 2, sync: true });
    this.#pino = pino(
      {
        level: options.level,
        base: null,
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: { level: (level) => ({ level }) },
        serializers: { error: stdSerializers.errWithCause },
      },
      options.pretty ? prettyLines(lines) : lines,
    );
    const logger = new PinoLogger(this.#pino, this);
    this.root = Object.assign(logger, {
      setLevel: (level: LogLevel, component?: string) => this.#setLevel(level, component),
    });
  }

  component(name: string): Logger {
    let logger = this.#components.get(name);
    if (logger === undefined) {
      const level = this.#levels.get(name) ?? this.#level;
      logger = new PinoLogger(this.#pino.child({ component: name }, { level }), this);
      this.#components.set(name, logger);
    }
    return logger;
  }

  #setLevel(level: LogLevel, component: string | undefined): void {
    if (component === undefined) {
      this.#level = level;
      this.#pino.level = level;
    } else {
      this.#levels.set(component, level);
    }
    for (const [name, logger] of this.#components) {
      logger.pino.level = this.#levels.get(name) ?? this.#level;
    }
  }
}

class PinoLogger implements Logger {
  readonly pino: Pino;
  readonly #loggers: Loggers;

  constructor(pinoLogger: Pino, loggers: Loggers) {
    this.pino = pinoLogger;
    this.#loggers = loggers;
  }

  debug(message: string, fields?: LogFields): void {
    this.#log('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#log('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#log('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#log('error', message, fields);
  }

  child(component: string): Logger {
    return this.#loggers.component(component);
  }

  /** The message goes in as a field, because pino would put it behind the others. */
  #log(level: LogLevel, msg: string, fields: LogFields | undefined): void {
    if (this.pino.isLevelEnabled(level)) this.pino[level]({ msg, ...fields });
  }
}

/** In this thread and at once; pino-pretty's own stream would still hold lines when the process ends. */
function prettyLines(lines: { write(line: string): void }): { write(line: string): void } {
  // Loaded only when lines are for a person, and at once, which `import` cannot do.
  const { prettyFactory }: PinoPretty = createRequire(import.meta.url)('pino-pretty');
  const { stderr } = process;
  const prettify = prettyFactory({
    colorize: stderr.isTTY === true && stderr.hasColors(), // Respects NO_COLOR.
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: (log, _messageKey, _levelLabel, { colors }) =>
      prettyLine(log, {
        message: colors.cyan,
        faint: colors.dim,
        width: stderr.columns ?? defaultColumns,
      }),
    customColors: 'message:reset,debug:blue,info:green,warn:yellow,error:red',
    hideObject: true,
    ignore: 'name,pid,hostname',
  });
  return { write: (line) => void lines.write(prettify(line)) };
}

const defaultColumns = 100;
