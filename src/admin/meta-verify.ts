import { type Address, Failure, formatAddress, isFailure } from '../base/index.ts';
import {
  GetMetadataDigests,
  GetMetadataRows,
  MetadataDigests,
  MetadataRows,
  RequestCode,
} from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { controllerField } from './controllers.ts';
import { fields } from './field-types.ts';
import { groupNames, type ObservedReplica, observeGroup, observingRequests } from './ha-status.ts';
import { operation, optional } from './operation.ts';
import * as shape from './shape.ts';

const VerifiedReplica = shape.record({
  id: shape.maybe(shape.integer),
  address: shape.maybe(shape.text),
  role: shape.text,
  /** Of its newest metadata record, and the position up to which its tables are applied. */
  newest: shape.maybe(shape.long),
  applied: shape.maybe(shape.long),
  /** Behind the record at which the replicas were compared. */
  digest: shape.maybe(shape.text),
  /** Why it was not compared, or what is wrong with it. */
  why: shape.maybe(shape.text),
});

const VerifiedTable = shape.record({
  table: shape.text,
  equal: shape.flag,
  digests: shape.list(shape.record({ id: shape.integer, digest: shape.text })),
});

const DifferentKey = shape.record({
  table: shape.text,
  key: shape.text,
  values: shape.list(
    shape.record({
      id: shape.integer,
      /** Absent: it has no such row. */
      value: shape.maybe(shape.text),
      /** Of the record that wrote it. */
      version: shape.maybe(shape.long),
    }),
  ),
});

const VerifiedGroup = shape.record({
  cluster: shape.text,
  group: shape.text,
  /** All replicas were compared, and hold the same. */
  equal: shape.flag,
  /** Sequence of the metadata record behind which they were compared. */
  sequence: shape.maybe(shape.long),
  replicas: shape.list(VerifiedReplica),
  tables: shape.list(VerifiedTable),
  /** The first of them. */
  differences: shape.list(DifferentKey),
});
export type VerifiedGroup = shape.ShapeOf<typeof VerifiedGroup>;

export const verifyMetadata = operation({
  name: 'meta verify',
  summary:
    'Compare the metadata of all replicas of a group at an equal position; each also checks its database, and repairs itself when that is damaged.',
  effect: 'read',
  requests: [...observingRequests, 'GET_METADATA_DIGESTS', 'GET_METADATA_ROWS'],
  fields: {
    group: optional(fields.text, 'Only this broker group.', { positional: true, names: 'broker' }),
    controller: controllerField,
  },
  output: shape.list(VerifiedGroup),
  async run(admin, { group, controller }) {
    const names = await groupNames(admin, group, controller !== undefined);
    const verified: VerifiedGroup[] = [];
    // One after the other: each reads a whole database on each of its replicas.
    for (const name of names) verified.push(await verifyGroup(admin, name, controller));
    return verified;
  },
  verdict(groups) {
    const others = groups.filter(({ equal }) => !equal).map(({ group }) => group);
    if (others.length === 0) return undefined;
    return `not all replicas are known to be equal: ${others.join(', ')}`;
  },
});

/** A database of many rows takes its time. */
const checkTimeoutMs = 60_000;
const askTimeoutMs = 5000;
/** Replicas that are not at one position yet, or seem to differ, are asked again. */
const rounds = 20;
const roundMs = 500;
/** What differs in so many rounds at an equal position does. */
const surely = 3;
const toldKeys = 100;

interface Member {
  readonly id: number;
  readonly address: Address;
  readonly role: string;
}

/** What a member answered, or why it did not. */
interface Asked extends Member {
  readonly digests: MetadataDigests | undefined;
  readonly why: string | undefined;
}

async function verifyGroup(
  admin: Admin,
  name: string,
  controller: readonly Address[] | undefined,
): Promise<VerifiedGroup> {
  const { cluster, replicas } = await observeGroup(admin, name, controller);
  const members = replicas.flatMap(memberOf);
  const checks = await Promise.all(
    members.map((member) => askDigests(admin, member, { check: true }, checkTimeoutMs)),
  );
  const damages = new Map(checks.map(({ id, digests, why }) => [id, digests?.damage ?? why]));
  const whole = members.filter(({ id }) => damages.get(id) === undefined);
  const { sequence, asked } = await atEqualPosition(admin, whole);
  const compared = asked.filter(({ digests }) => digests?.digest !== undefined);
  const tables = tablesOf(compared);
  const differences = await Promise.all(
    tables.filter(({ equal }) => !equal).map(({ table }) => differentKeys(admin, table, compared)),
  );
  const rows = replicas.map((replica) => rowOf(replica, asked, damages));
  const isWhole = rows.every(({ why }) => why === undefined);
  return {
    ...{ cluster, group: name, sequence, replicas: rows, tables },
    equal: isWhole && compared.length > 0 && tables.every(({ equal }) => equal),
    differences: differences.flat().slice(0, toldKeys),
  };
}

const memberOf = ({ id, address, status }: ObservedReplica): readonly Member[] =>
  id === undefined || address === undefined || status === undefined
    ? []
    : [{ id, address, role: status.role }];

function rowOf(
  { id, address, status, failure }: ObservedReplica,
  asked: readonly Asked[],
  damages: ReadonlyMap<number, string | undefined>,
): VerifiedGroup['replicas'][number] {
  const own = asked.find((member) => member.id === id);
  const digests = own?.digests;
  const late = digests !== undefined && digests.digest === undefined;
  const damage = id === undefined ? undefined : damages.get(id);
  return {
    id,
    address: address && formatAddress(address),
    role: status?.role ?? 'unreachable',
    newest: digests?.newest,
    applied: digests?.applied,
    digest: digests?.digest,
    why: failure ?? damage ?? own?.why ?? (late ? 'it does not come to one position' : undefined),
  };
}

/** Asks until all know their tables behind one record, and are equal or surely are not. */
async function atEqualPosition(
  admin: Admin,
  members: readonly Member[],
): Promise<{ readonly sequence: number | undefined; readonly asked: readonly Asked[] }> {
  let asked: readonly Asked[] = [];
  let sequence: number | undefined;
  for (let round = 0, differing = 0; round < rounds; round++) {
    if (round > 0) await admin.clock.sleep(roundMs);
    const newest = await Promise.all(members.map((member) => askDigests(admin, member, {})));
    const ends = newest.flatMap(({ digests }) => digests?.newest ?? []);
    if (ends.length === 0) return { sequence, asked: newest };
    sequence = Math.min(...ends);
    const behind = { sequence };
    asked = await Promise.all(members.map((member) => askDigests(admin, member, behind)));
    const isKnown = asked.every(({ digests }) => digests?.digest !== undefined);
    if (!isKnown) continue;
    if (new Set(asked.map(({ digests }) => digests?.digest)).size <= 1) break;
    // A log that is just being cut has another record of that number.
    if (++differing === surely) break;
  }
  return { sequence, asked };
}

async function askDigests(
  admin: Admin,
  member: Member,
  header: { readonly sequence?: number; readonly check?: boolean },
  timeoutMs = askTimeoutMs,
): Promise<Asked> {
  try {
    const response = await admin.call(
      member.address,
      { code: RequestCode.GET_METADATA_DIGESTS, header: [GetMetadataDigests, header] },
      { timeoutMs },
    );
    return { ...member, digests: MetadataDigests.decode(response.body), why: undefined };
  } catch (error) {
    if (!isFailure(error)) throw error;
    return { ...member, digests: undefined, why: `it does not tell: ${error.message}` };
  }
}

function tablesOf(compared: readonly Asked[]): VerifiedGroup['tables'] {
  const names = new Set(
    compared.flatMap(({ digests }) => digests?.tables.map(({ table }) => table) ?? []),
  );
  return [...names].map((table) => {
    const digests = compared.map(({ id, digests: told }) => ({
      id,
      digest: told?.tables.find((one) => one.table === table)?.digest ?? 'none',
    }));
    return { table, equal: new Set(digests.map(({ digest }) => digest)).size <= 1, digests };
  });
}

type Rows = ReadonlyMap<string, MetadataRows['rows'][number]>;

/** Rows go on changing while they are read: what differs in the same way a moment later as well does. */
async function differentKeys(
  admin: Admin,
  table: string,
  members: readonly Member[],
): Promise<VerifiedGroup['differences']> {
  let before: ReadonlyMap<string, string> | undefined;
  let found: VerifiedGroup['differences'] = [];
  for (let round = 0; round < 2; round++) {
    if (round > 0) await admin.clock.sleep(2 * roundMs);
    const all = await Promise.all(members.map((member) => allRows(admin, member, table)));
    const now = new Map<string, string>();
    const told: VerifiedGroup['differences'][number][] = [];
    for (const key of new Set(all.flatMap((rows) => [...rows.keys()]))) {
      const own = all.map((rows) => rows.get(key));
      const marks = own.map((row) => row?.hash ?? '-');
      if (new Set(marks).size <= 1) continue;
      now.set(key, marks.join());
      if (before !== undefined && before.get(key) !== marks.join()) continue;
      const name = own.find((row) => row !== undefined)?.name ?? key;
      const values = members.map(({ id }, at) => ({
        ...{ id, value: own[at]?.value, version: own[at]?.version },
      }));
      told.push({ table, key: name, values });
    }
    before = now;
    found = told;
  }
  return found;
}

async function allRows(admin: Admin, { address }: Member, table: string): Promise<Rows> {
  const rows = new Map<string, MetadataRows['rows'][number]>();
  for (let after: string | undefined, more = true; more; ) {
    const response = await admin.call(
      address,
      { code: RequestCode.GET_METADATA_ROWS, header: [GetMetadataRows, { table, after }] },
      { timeoutMs: askTimeoutMs },
    );
    const page = MetadataRows.decode(response.body);
    for (const row of page.rows) rows.set(row.key, row);
    const last = page.rows.at(-1)?.key;
    if (page.more && last === undefined) throw new Failure('invalid', 'an empty page of rows');
    more = page.more;
    after = last;
  }
  return rows;
}
