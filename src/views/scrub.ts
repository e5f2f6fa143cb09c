import {
  type Clock,
  type Disk,
  Failure,
  isFailure,
  type KeyValue,
  type Logger,
} from '../base/index.ts';
import { atomicReplace, makeDurableFolder } from '../log/index.ts';
import {
  describeStoredRow,
  type MetadataTables,
  readableKey,
  type ScrubReport,
  tableName,
} from './metadata/index.ts';

/** What was found wrong is kept there for people, whatever becomes of the store. */
const evidenceFolder = 'evidence';
/** Damage that comes back all the time must not fill the disk. Names tell the time, so that they sort by it. */
const keptFiles = 20;
/** Rows of the evidence that are logged too. */
const loggedRows = 5;

/**
 * Checks the metadata of this node against itself (promise P6): the digests of the rows in the database against the
 * totals that were written with them, each row against the one in memory, and the totals in memory against their rows.
 * What differs is kept in a file, and logged.
 */
export class Scrubber {
  readonly #folder: string;
  readonly #tables: Pick<MetadataTables, 'scrub'>;
  readonly #keyValue: KeyValue;
  readonly #ports: { readonly disk: Disk; readonly clock: Clock; readonly logger: Logger };
  #running: Promise<Failure | undefined> | undefined;

  constructor(
    folder: string,
    parts: { readonly tables: Pick<MetadataTables, 'scrub'>; readonly keyValue: KeyValue },
    ports: { readonly disk: Disk; readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#folder = folder;
    this.#tables = parts.tables;
    this.#keyValue = parts.keyValue;
    this.#ports = ports;
  }

  /** What is damaged, undefined when nothing is. Rejects when the database cannot be read. */
  async run(): Promise<Failure | undefined> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return await this.#running;
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    await this.#running?.catch(() => {}); // Whoever wanted it is told.
  }

  async #run(): Promise<Failure | undefined> {
    const report = await this.#tables.scrub(this.#keyValue);
    const [first] = report.problems;
    if (first === undefined) return undefined;
    const { logger } = this.#ports;
    const rows = rowsOf(report);
    for (const row of rows.slice(0, loggedRows))
      logger.error('a row of metadata is damaged', { ...row });
    const kept = await this.#keep(report, rows);
    const named = rows.slice(0, loggedRows).map(({ table, key }) => `${table} ${key}`);
    const which = rows.length === 0 ? '' : ` (${rows.length} rows: ${named.join(', ')})`;
    const what = `the metadata of this store are damaged: ${first}${which}`;
    return new Failure('corrupt', `${what}; ${kept}`);
  }

  async #keep(report: ScrubReport, rows: readonly EvidenceRow[]): Promise<string> {
    const { disk, clock, logger } = this.#ports;
    const folder = `${this.#folder}/${evidenceFolder}`;
    const time = new Date(clock.now()).toISOString();
    const path = `${folder}/${time.replaceAll(':', '-')}.json`;
    const tables = [...report.perTable]
      .filter(([, { expected, found }]) => expected !== found)
      .map(([table, digests]) => ({ table: tableName(table), ...digests }));
    const { position, problems } = report;
    const evidence = { time, position, problems, tables, rows };
    try {
      await makeDurableFolder(disk, folder);
      await atomicReplace(disk, path, Buffer.from(`${JSON.stringify(evidence, undefined, 2)}\n`));
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      logger.error('the evidence could not be kept', { path, error });
      return 'the evidence could not be kept';
    }
    await this.#removeOld(folder);
    return `evidence is in ${path}`;
  }

  async #removeOld(folder: string): Promise<void> {
    const { disk, logger } = this.#ports;
    try {
      const files = (await disk.list(folder)).filter(({ name }) => isEvidence.test(name));
      const old = files.slice(0, -keptFiles);
      if (old.length === 0) return;
      for (const { name } of old) await disk.remove(`${folder}/${name}`);
      logger.info('old evidence is removed', { folder, removed: old.length, kept: keptFiles });
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      logger.warn('old evidence could not be removed', { folder, error });
    }
  }
}

const isEvidence = /^\d{4}-\d\d-\d\dT[\d.-]+Z\.json$/;

interface EvidenceRow {
  readonly table: string;
  readonly key: string;
  readonly memory: ReturnType<typeof describeStoredRow>;
  readonly database: ReturnType<typeof describeStoredRow>;
}

const rowsOf = ({ differences }: ScrubReport): EvidenceRow[] =>
  differences.map(({ table, key, memory, database }) => ({
    table: tableName(table),
    key: readableKey(table, key),
    memory: describeStoredRow(table, memory),
    database: describeStoredRow(table, database),
  }));
