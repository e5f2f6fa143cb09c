import type { Clock, Logger, PhysicalOffset } from '../base/index.ts';
import type { Store } from '../views/index.ts';
import {
  type Decision,
  type DescribedChange,
  describeChange,
  type Entry,
  type MetadataReader,
  type Refusal,
} from '../views/metadata/index.ts';
import { ResponseCode } from '../wire/index.ts';
import type { InSync } from './replication/in-sync.ts';

/** What became of a definition. `unknown`: it may still happen, or may have been lost with this node. */
export type DefinitionOutcome = 'done' | { readonly refused: Refusal };

/** Rows of one record that are logged, each in a line; a last line tells how many more there are. */
const loggedRows = 20;
const longestCause = 500;

/**
 * Turns decisions into records, and logs what they change: who asked, and each row before and after. A definition is
 * answered when it is durable on the whole set and applied; a repeated one waits for the first (protocol rule 15).
 * While fewer replicas than the minimum are in sync, none is accepted, and none is told to have succeeded.
 */
export class MetadataWriter {
  readonly #store: Store;
  readonly #inSync: InSync;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #timeoutMs: number;

  constructor(
    options: { readonly definitionTimeoutMs: number },
    store: Store,
    inSync: InSync,
    ports: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#store = store;
    this.#inSync = inSync;
    this.#clock = ports.clock;
    this.#logger = ports.logger;
    this.#timeoutMs = options.definitionTimeoutMs;
  }

  /** What to tell with a success that carries less than it could: the master is alone. */
  get remark(): string | undefined {
    return this.#inSync.loneliness;
  }

  /** `decide` sees the appended state and is followed by the append without anything in between. */
  async define(
    cause: string,
    decide: (state: MetadataReader) => Decision,
  ): Promise<DefinitionOutcome> {
    const why = this.#inSync.whyNoDefinitions();
    // As RocketMQ answers when in-sync replicas are not enough.
    if (why !== undefined) return { refused: { code: ResponseCode.SYSTEM_ERROR, remark: why } };
    const outcome = await this.follow(cause, decide);
    const whyNot = outcome === 'done' ? this.#inSync.whyNoDefinitions() : undefined;
    return whyNot === undefined ? outcome : unknownOutcome(whyNot);
  }

  /** For what follows from something that has happened already: as `define`, however few replicas are in sync. */
  async follow(
    cause: string,
    decide: (state: MetadataReader) => Decision,
  ): Promise<DefinitionOutcome> {
    const decision = decide(this.#store.tables.appended);
    if ('refused' in decision) return decision;
    if ('unchanged' in decision) return await this.#untilDurable(this.#store.tables.pendingEnd);
    const described = this.#describe(decision.entries);
    const end = this.#store.change('definition', decision.entries, cause);
    const position = this.#store.appendedAt;
    const outcome = await this.#untilDurable(end);
    const message =
      outcome === 'done'
        ? 'a definition changed'
        : 'a definition may have changed: its outcome is not known yet';
    this.#log(message, cause, position, described);
    return outcome;
  }

  /** For what the broker creates by itself; not awaited. Returns the refusal, if any. */
  imply(cause: string, decide: (state: MetadataReader) => Decision): Refusal | undefined {
    const decision = decide(this.#store.tables.appended);
    if ('refused' in decision) return decision.refused;
    if ('unchanged' in decision) return undefined;
    const { shown, more } = this.#describe(decision.entries);
    this.#store.change('impliedDefinition', decision.entries, cause);
    const rows = shown.map(({ table, key }) => `${table} ${key}`).join(', ');
    this.#logger.info('definitions came by themselves', {
      cause,
      rows: more > 0 ? `${rows} and ${more} more` : rows,
      position: this.#store.appendedAt,
    });
    return undefined;
  }

  #describe(entries: readonly Entry[]): Described {
    const { appended } = this.#store.tables;
    const shown = entries.slice(0, loggedRows).map((entry) => describeChange(appended, entry));
    return { shown, more: entries.length - shown.length };
  }

  #log(message: string, fullCause: string, position: PhysicalOffset, described: Described): void {
    const { shown, more } = described;
    const cause = fullCause.slice(0, longestCause);
    for (const change of shown) this.#logger.info(message, { ...change, cause, position });
    if (more > 0) this.#logger.info(message, { rowsNotLogged: more, cause, position });
  }

  #untilDurable(end: PhysicalOffset): Promise<DefinitionOutcome> {
    return new Promise((resolve, reject) => {
      this.#store.whenDurable(end, {
        deadlineMs: this.#clock.monotonicMs() + this.#timeoutMs,
        reached: () => resolve('done'),
        gaveUp: (outcome, why) => {
          if (outcome === 'refused') reject(why);
          else resolve(unknownOutcome(why.message));
        },
      });
    });
  }
}

interface Described {
  readonly shown: readonly DescribedChange[];
  readonly more: number;
}

function unknownOutcome(why: string): DefinitionOutcome {
  return {
    refused: {
      code: ResponseCode.SYSTEM_ERROR,
      remark: `outcome unknown: ${why}; it may still happen, look before you repeat it`,
    },
  };
}
