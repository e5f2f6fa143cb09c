import { codes } from './codes.ts';
import type { Group } from './group.ts';
import { Remote } from './remote.ts';

/** Whom the name server names to clients as the master; undefined where it names none. */
export async function clusterMaster(group: Group): Promise<string | undefined> {
  const node = group.nodes.find(({ kind }) => kind === 'nameserver');
  if (node === undefined) throw new Error('the group has a name server');
  using remote = new Remote(node.address);
  const { body } = await remote.request(codes.clusterInfo);
  const text = Buffer.from(body)
    .toString()
    .replace(/([{,])(\d+):/g, '$1"$2":');
  const { brokerAddrTable } = JSON.parse(text) as {
    brokerAddrTable: Readonly<Record<string, { brokerAddrs: Readonly<Record<string, string>> }>>;
  };
  return Object.values(brokerAddrTable)[0]?.brokerAddrs['0'];
}
