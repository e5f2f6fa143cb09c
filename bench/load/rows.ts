import type { Row } from './row.ts';
import { clientFailover } from './rows/client-failover.ts';
import { idle, suspended } from './rows/connections.ts';
import { join } from './rows/join.ts';
import { manyTopics } from './rows/many-topics.ts';
import { memory } from './rows/memory.ts';
import { offsets, topics } from './rows/metadata.ts';
import { pullCold, pullTail } from './rows/pulling.ts';
import { replicatedSend, replicatedTopics } from './rows/replicated.ts';
import { failoverTime, hangTime, switchover } from './rows/role-changes.ts';
import { send64, sendAsync, sendSync } from './rows/sending.ts';
import { start } from './rows/start.ts';
import { steady } from './rows/steady.ts';

/** In the order of the table in docs/performance.md. */
export const rows: readonly Row[] = [
  sendAsync,
  sendSync,
  send64,
  pullTail,
  pullCold,
  topics,
  offsets,
  start,
  memory,
  manyTopics,
  idle,
  suspended,
  steady,
  replicatedSend,
  replicatedTopics,
  switchover,
  failoverTime,
  hangTime,
  clientFailover,
  join,
];
