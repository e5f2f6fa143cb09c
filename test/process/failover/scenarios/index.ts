import type { Round } from '../round.ts';
import { kill } from './kill.ts';
import { pause } from './pause.ts';
import { restartOrders } from './restart-orders.ts';
import { roleChanges } from './role-changes.ts';
import { staleSlave } from './stale-slave.ts';
import { stream } from './stream.ts';
import { wipedNode } from './wiped-node.ts';

/** Each plays one round on a group that was left whole by the rounds before. */
export const scenarios: Readonly<Record<string, (round: Round) => Promise<void>>> = {
  kill,
  stream,
  'restart-orders': restartOrders,
  'stale-slave': staleSlave,
  'role-changes': roleChanges,
  pause,
  'wiped-node': wipedNode,
};
