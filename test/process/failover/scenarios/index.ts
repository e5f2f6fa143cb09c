import type { Mode } from '../group.ts';
import type { Round } from '../round.ts';
import { damagedMaster, damagedSlave, smallFiles } from './damaged-files.ts';
import { diskFull } from './disk-full.ts';
import { hang } from './hang.ts';
import { kill } from './kill.ts';
import { killStatic } from './kill-static.ts';
import { oneWayCut } from './one-way-cut.ts';
import { pause } from './pause.ts';
import { promote } from './promote.ts';
import { restartOrders } from './restart-orders.ts';
import { restartOrdersStatic } from './restart-orders-static.ts';
import { roleChanges } from './role-changes.ts';
import { staleSlave } from './stale-slave.ts';
import { stream } from './stream.ts';
import { wipedNode } from './wiped-node.ts';

export interface Scenario {
  /** Plays one round on a group that was left whole by the rounds before. */
  readonly play: (round: Round) => Promise<void>;
  /** Of the brokers. */
  readonly settings?: readonly string[];
  /** It changes the routes of its network. */
  readonly needsOwnNetwork?: boolean;
}

export const scenarios: Readonly<Record<Mode, Readonly<Record<string, Scenario>>>> = {
  controller: {
    kill: { play: kill },
    stream: { play: stream },
    'restart-orders': { play: restartOrders },
    'stale-slave': { play: staleSlave },
    'role-changes': { play: roleChanges },
    hang: { play: hang },
    pause: { play: pause },
    'wiped-node': { play: wipedNode },
    'one-way-cut': { play: oneWayCut, needsOwnNetwork: true },
    'disk-full': { play: diskFull, settings: smallFiles },
    'damaged-slave': { play: damagedSlave, settings: smallFiles },
    'damaged-master': { play: damagedMaster, settings: smallFiles },
  },
  static: {
    kill: { play: killStatic },
    'restart-orders': { play: restartOrdersStatic },
    promote: { play: promote },
  },
};
