import { createHash } from 'node:crypto';
import { type BrokerId, Failure, isFailure, metadataSequence } from '../../base/index.ts';
import { type Answer, handleAsync, type RequestTable } from '../../remoting/index.ts';
import type { LocalStore } from '../../views/index.ts';
import {
  describeStoredRow,
  keyTextOf,
  readableKey,
  type TableNumber,
  tableName,
  tableNumbers,
} from '../../views/metadata/index.ts';
import {
  GetMetadataDigests,
  GetMetadataRows,
  type IncomingCommand,
  MetadataDigests,
  MetadataRows,
  RequestCode,
  ResponseCode,
} from '../../wire/index.ts';
import { refusalOf } from '../refusals.ts';
import type { Replica } from './replica.ts';

const rowsPerAnswer = 1000;
const hashDigits = 16;

/** What replicas are compared by, in any role: our GET_METADATA_DIGESTS and GET_METADATA_ROWS. */
export class MetadataRequests {
  readonly #self: BrokerId;
  readonly #replica: Replica;

  constructor(parts: { readonly self: BrokerId; readonly replica: Replica }) {
    this.#self = parts.self;
    this.#replica = parts.replica;
  }

  table(): RequestTable {
    const answering = (work: (request: IncomingCommand, local: LocalStore) => Promise<Answer>) => {
      return (connection: Parameters<typeof handleAsync>[0], request: IncomingCommand): void =>
        handleAsync(connection, request, async () => {
          try {
            return await work(request, this.#local);
          } catch (error) {
            if (!isFailure(error)) throw error;
            return refusalOf(error, 'definition');
          }
        });
    };
    return new Map([
      [
        RequestCode.GET_METADATA_DIGESTS,
        answering((request, local) => this.#digests(request, local)),
      ],
      [RequestCode.GET_METADATA_ROWS, answering(rows)],
    ]);
  }

  get #local(): LocalStore {
    const { local, damage } = this.#replica;
    if (local !== undefined) return local;
    throw new Failure('unavailable', damage?.message ?? 'no store is open here at the moment');
  }

  async #digests(request: IncomingCommand, local: LocalStore): Promise<Answer> {
    const { sequence: wanted, check } = GetMetadataDigests.decode(request);
    const damage = check === true ? await local.scrub() : undefined;
    const { tables } = local.store;
    const newest = tables.newestDigest.sequence;
    const sequence = metadataSequence(wanted ?? newest);
    const found = tables.digestsBehind(sequence);
    const perTable = [...(found?.perTable ?? [])];
    const body = MetadataDigests.encode({
      brokerId: this.#self,
      newest,
      applied: tables.appliedPosition,
      sequence,
      digest: found?.total,
      tables: perTable.map(([table, digest]) => ({ table: tableName(table), digest })),
      damage: damage?.message,
    });
    return { code: ResponseCode.SUCCESS, body };
  }
}

async function rows(request: IncomingCommand, local: LocalStore): Promise<Answer> {
  const { table: name, after } = GetMetadataRows.decode(request);
  const table = tableNumbers.find((number) => tableName(number) === name);
  if (table === undefined) throw new Failure('invalid', `there is no table ${name}`);
  const page = {
    after: after === undefined ? undefined : Buffer.from(after, 'hex'),
    limit: rowsPerAnswer,
  };
  const found = await local.metadataRows(table, page);
  const body = MetadataRows.encode({
    rows: found.map(({ key, row, bytes }) => ({
      key: Buffer.from(key).toString('hex'),
      name: readableKey(table, keyTextOf(key)),
      version: row.version,
      value: valueText(table, bytes),
      hash: createHash('sha256').update(bytes).digest('hex').slice(0, hashDigits),
    })),
    more: found.length === rowsPerAnswer,
  });
  return { code: ResponseCode.SUCCESS, body };
}

function valueText(table: TableNumber, bytes: Uint8Array): string {
  const row = describeStoredRow(table, bytes);
  return typeof row === 'string' ? row : String(row.value);
}
