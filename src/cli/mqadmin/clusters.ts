import { singleRequests } from '../../admin/index.ts';
import { type Address, Failure } from '../../base/index.ts';
import { columns, compare } from './columns.ts';
import { addressOf, number, type ToolCommand, type ToolContext, text } from './command.ts';
import { switchOption, value } from './options.ts';

type Admin = ToolContext['admin'];

/** The masters of a cluster by the names of their broker groups; fails when there is none. */
export async function mastersOfCluster(
  admin: Admin,
  cluster: string,
): Promise<readonly { readonly name: string; readonly address: Address; readonly text: string }[]> {
  const { clusters, addresses } = await singleRequests.clusterInfo(admin);
  const masters = (clusters.get(cluster) ?? []).flatMap((name) => {
    const shown = addresses.get(name)?.get(0);
    return shown === undefined ? [] : [{ name, address: addressOf(shown), text: shown }];
  });
  if (masters.length > 0) return masters;
  throw new Failure(
    'invalid',
    '[error] Make sure the specified clusterName exists or the name server connected to is correct.',
  );
}

export const clusterList: ToolCommand = {
  name: 'clusterList',
  summary: 'List cluster infos',
  options: [
    switchOption('m', 'moreStats', 'Print more stats'),
    value('i', 'interval', 'specify intervals numbers, it is in seconds'),
    value('c', 'clusterName', 'which cluster'),
  ],
  async run(context) {
    const seconds = number(context.given, 'interval', 0);
    const print = context.given.has('moreStats') ? totals : basics;
    context.write(await print(context));
    while (seconds > 0) {
      await context.admin.clock.sleep(seconds * 1000);
      context.write(await print(context));
    }
  },
};

const basicColumns = '%-22s  %-22s  %-4s  %-22s %-16s  %16s  %30s  %-22s  %11s  %-12s  %-8s  %10s';

async function basics(context: ToolContext): Promise<string> {
  const rows = await rowsOf(context);
  const head = columns(
    basicColumns,
    '#Cluster Name',
    '#Broker Name',
    '#BID',
    '#Addr',
    '#Version',
    '#InTPS(LOAD)',
    '#OutTPS(LOAD)',
    '#Timer(Progress)',
    '#PCWait(ms)',
    '#Hour',
    '#SPACE',
    '#ACTIVATED',
  );
  const now = context.admin.clock.now();
  const lines = rows.map(({ cluster, broker, id, address, runtime }) => {
    const of = (name: string, fallback = '0') => runtime[name] ?? fallback;
    const wait = (pool: string) =>
      `${of(`${pool}ThreadPoolQueueSize`)},${of(`${pool}ThreadPoolQueueHeadWaitTimeMills`)}ms`;
    const progress =
      `${of('timerReadBehind')}-${of('timerOffsetBehind')}` +
      `(${(Number(of('timerCongestNum')) / 10_000).toFixed(1)}w, ` +
      `${Number(of('timerEnqueueTps')).toFixed(1)}, ${Number(of('timerDequeueTps')).toFixed(1)})`;
    const earliest = runtime['earliestMessageTimeStamp'];
    const hours = earliest === undefined ? 0 : (now - Number(earliest)) / 3_600_000;
    return columns(
      basicColumns,
      cluster,
      broker,
      id,
      address,
      of('brokerVersionDesc', ''),
      `${rate(runtime['putTps'])}(${wait('send')})`,
      `${rate(runtime['getTransferredTps'])}(${wait('pull')}|${wait('ack')})`,
      progress,
      of('pageCacheLockTimeMills'),
      hours.toFixed(2),
      Number(of('commitLogDiskRatio')).toFixed(4),
      of('brokerActive', 'false'),
    );
  });
  return head + lines.join('');
}

/** Rates of 10, 60 and 600 seconds stand in one text. */
const rate = (text: string | undefined): string =>
  (Number.parseFloat(text ?? '') || 0).toFixed(2).padStart(9);

const totalColumns = '%-16s  %-32s %14s %14s %14s %14s';

async function totals(context: ToolContext): Promise<string> {
  const rows = await rowsOf(context);
  const head = columns(
    totalColumns,
    '#Cluster Name',
    '#Broker Name',
    '#InTotalYest',
    '#OutTotalYest',
    '#InTotalToday',
    '#OutTotalToday',
  );
  const lines = rows.map(({ cluster, broker, runtime }) => {
    const between = (kind: string, from: string, to: string) =>
      Number(runtime[`${kind}Total${to}`] ?? 0) - Number(runtime[`${kind}Total${from}`] ?? 0);
    return columns(
      totalColumns,
      cluster,
      broker,
      between('msgPut', 'YesterdayMorning', 'TodayMorning'),
      between('msgGet', 'YesterdayMorning', 'TodayMorning'),
      between('msgPut', 'TodayMorning', 'TodayNow'),
      between('msgGet', 'TodayMorning', 'TodayNow'),
    );
  });
  return head + lines.join('');
}

interface Row {
  readonly cluster: string;
  readonly broker: string;
  readonly id: number;
  readonly address: string;
  readonly runtime: Readonly<Record<string, string>>;
}

/** A broker that does not answer has a row without figures. */
async function rowsOf({ admin, given }: ToolContext): Promise<readonly Row[]> {
  const { clusters, addresses } = await singleRequests.clusterInfo(admin);
  const wanted = text(given, 'clusterName');
  const rows: Row[] = [];
  for (const [cluster, names] of [...clusters].sort(([a], [b]) => compare(a, b))) {
    if (wanted !== '' && cluster !== wanted) continue;
    for (const broker of [...names].sort(compare)) {
      const replicas = [...(addresses.get(broker) ?? [])].sort(([a], [b]) => a - b);
      for (const [id, address] of replicas) {
        const runtime = await singleRequests.runtime(admin, addressOf(address)).catch(() => ({}));
        rows.push({ cluster, broker, id, address, runtime });
      }
    }
  }
  return rows;
}
