/** Tables of `holdfast ha` and `holdfast meta`. */
import type {
  HandedOver,
  HistoryEntry,
  Promoted,
  RecoveredGroup,
  ReplicaGroup,
  ReplicaRow,
  VerifiedGroup,
} from '../admin/index.ts';
import { oneLine } from './plain-text.ts';
import type { Screen } from './screen.ts';
import { type Column, renderTable } from './table.ts';

/** Narrower screens are told what matters most. */
const wideFrom = 100;
/** Enough of a digest to see with the eye whether two are equal. */
const digestPlaces = 8;

export function replicaGroups(groups: readonly ReplicaGroup[], screen: Screen): string {
  if (groups.length === 0) return 'No broker group is registered.\n';
  return groups.map((group) => replicaGroup(group, screen)).join('\n');
}

function replicaGroup(group: ReplicaGroup, screen: Screen): string {
  const { cluster, controller, epoch, set, setEpoch, problems, replicas } = group;
  const who = controller === undefined ? 'static' : `controller ${controller}`;
  const members = set.length === 0 ? 'unknown' : set.join(' ');
  const heading =
    `group ${screen.strong(oneLine(group.group))} of ${oneLine(cluster)}, ${who}\n` +
    `epoch ${epoch}, in-sync set ${members} (set epoch ${setEpoch})\n`;
  const marks = problems.map((problem) => `${screen.bad('!')} ${oneLine(problem)}\n`).join('');
  const columns = replicaColumns(screen);
  const table = renderTable(columns, replicas, { width: screen.width, title: screen.faint });
  const reasons = replicas.flatMap(whyOf).join('');
  return `${heading}${marks}\n${table}${reasons === '' ? '' : `\n${reasons}`}`;
}

function replicaColumns(screen: Screen): readonly Column<ReplicaRow>[] {
  const isWide = screen.width === undefined || screen.width >= wideFrom;
  const right = { align: 'right' } as const;
  return [
    { title: 'ID', ...right, cell: ({ id }) => id ?? '?' },
    {
      title: 'ROLE',
      cell: ({ role }) => role,
      style: ({ reachable }) => (reachable ? undefined : screen.bad),
    },
    { title: 'ADDRESS', cell: ({ address }) => address ?? '?' },
    { title: 'EPOCH', ...right, cell: ({ epoch }) => epoch },
    { title: 'END', ...right, cell: ({ end }) => end },
    ...(isWide
      ? [
          { title: 'COMMIT', ...right, cell: ({ commitPoint }: ReplicaRow) => commitPoint },
          { title: 'APPLIED', ...right, cell: ({ applied }: ReplicaRow) => applied },
        ]
      : []),
    { title: 'LAG', ...right, cell: ({ lag }) => lag },
    { title: 'DIGEST', cell: ({ digest }) => digest?.slice(0, digestPlaces) },
    {
      title: 'IN SET',
      cell: ({ inSet }) => (inSet ? 'yes' : 'no'),
      style: ({ inSet }) => (inSet ? undefined : screen.bad),
    },
  ];
}

/** Below the table, where nothing of it must be cut. */
function whyOf({ id, address, inSet, why }: ReplicaRow): readonly string[] {
  if (why === undefined) return [];
  const who = `broker ${id ?? address ?? '?'}`;
  return [`${who} is ${inSet ? 'in the set, but' : 'not in the set:'} ${oneLine(why)}\n`];
}

export function handedOver(result: HandedOver, screen: Screen): string {
  const { group, from, to, address, epoch, stoppedMs } = result;
  const now = `${screen.strong(`broker ${to}`)} at ${address} leads ${oneLine(group)}`;
  return `${now} in epoch ${epoch}, broker ${from} follows; writes were stopped ${stoppedMs} ms\n`;
}

export function groupHistory(entries: readonly HistoryEntry[], screen: Screen): string {
  if (entries.length === 0) return 'Nothing was decided yet.\n';
  const isOne = entries.every(({ group }) => group === entries[0]?.group);
  const isWide = screen.width === undefined || screen.width >= wideFrom;
  const right = { align: 'right' } as const;
  const why: Column<HistoryEntry> = {
    title: 'WHY',
    shrinkable: true,
    cell: ({ reason }) => reason,
  };
  const table = renderTable<HistoryEntry>(
    [
      { title: 'TIME', cell: ({ time }) => screen.moment(time) },
      ...(isOne ? [] : [{ title: 'GROUP', cell: ({ group }: HistoryEntry) => group }]),
      {
        title: 'WHAT',
        cell: ({ what }) => what,
        style: ({ what }) => (what === 'frozen' ? screen.bad : undefined),
      },
      { title: 'EPOCH', ...right, cell: ({ epoch }) => epoch },
      { title: 'MASTER', ...right, cell: ({ master }) => master ?? '-' },
      { title: 'SET', cell: ({ set, setEpoch }) => `${set.join(' ') || '-'} (${setEpoch})` },
      ...(isWide ? [why] : []),
    ],
    entries,
    { width: screen.width, title: screen.faint },
  );
  if (isWide) return table;
  // Half of a reason is of no use to anybody.
  const [heading, ...lines] = table.trimEnd().split('\n');
  const told = entries.map(({ reason }, at) => `${lines[at]}\n    ${oneLine(reason)}\n`);
  return `${heading}\n${told.join('')}`;
}

export function recoveredGroup(result: RecoveredGroup, screen: Screen): string {
  const { epoch, set, master, masterAddress, frozen } = result;
  const group = oneLine(result.group);
  if (frozen !== undefined) return `${group} is ${screen.bad('frozen')}: ${oneLine(frozen)}\n`;
  const where = `in epoch ${epoch}, in-sync set ${set.join(' ') || '-'}`;
  if (master === undefined) return `${group} is free again, ${where}; nobody may lead yet\n`;
  return `${screen.strong(`broker ${master}`)} at ${masterAddress} leads ${group}, ${where}\n`;
}

export function promotedReplica(result: Promoted, screen: Screen): string {
  const { group, id, address, epoch, proven, notProven } = result;
  const who = screen.strong(`broker ${id}`);
  return [
    `${who} at ${address} leads ${oneLine(group)} in epoch ${epoch}, alone`,
    'Its former master must not start as a master again: make it a slave with another brokerId.',
    '',
    ...proven.map((fact) => `proven      ${oneLine(fact)}`),
    ...notProven.map((fact) => `${screen.bad('not proven')}  ${oneLine(fact)}`),
    '',
  ].join('\n');
}

export function verifiedGroups(groups: readonly VerifiedGroup[], screen: Screen): string {
  if (groups.length === 0) return 'No broker group is registered.\n';
  return groups.map((group) => verifiedGroup(group, screen)).join('\n');
}

function verifiedGroup(verified: VerifiedGroup, screen: Screen): string {
  const { cluster, group, equal, sequence, replicas, tables, differences } = verified;
  const outcome = equal
    ? 'all replicas are equal'
    : screen.bad('not all replicas are known to be equal');
  const where = sequence === undefined ? '' : `, behind metadata record ${sequence}`;
  const right = { align: 'right' } as const;
  const table = renderTable<VerifiedGroup['replicas'][number]>(
    [
      { title: 'ID', ...right, cell: ({ id }) => id ?? '?' },
      { title: 'ROLE', cell: ({ role }) => role },
      { title: 'ADDRESS', cell: ({ address }) => address ?? '?' },
      { title: 'NEWEST', ...right, cell: ({ newest }) => newest },
      { title: 'APPLIED', ...right, cell: ({ applied }) => applied },
      { title: 'DIGEST', cell: ({ digest }) => digest?.slice(0, digestPlaces) },
    ],
    replicas,
    { width: screen.width, title: screen.faint },
  );
  const whys = replicas.flatMap(({ id, why }) =>
    why === undefined ? [] : [`${screen.bad('!')} broker ${id ?? '?'}: ${oneLine(why)}`],
  );
  const others = tables
    .filter((one) => !one.equal)
    .map(({ table: name, digests }) => {
      const told = digests.map(({ id, digest }) => `${id}: ${digest.slice(0, digestPlaces)}`);
      return `${screen.bad('!')} table ${name} differs (${told.join(', ')})`;
    });
  const keys = differences.flatMap(({ table: name, key, values }) => [
    `${name} ${oneLine(key)}`,
    ...values.map(
      ({ id, value }) => `  broker ${id}: ${value === undefined ? '-' : oneLine(value)}`,
    ),
  ]);
  return [
    `group ${screen.strong(oneLine(group))} of ${oneLine(cluster)}: ${outcome}${where}`,
    '',
    table.trimEnd(),
    ...whys,
    ...others,
    ...keys,
    '',
  ].join('\n');
}
