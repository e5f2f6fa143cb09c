import { RequestCode, ResponseCode } from '../wire/index.ts';

/** What a node is to its clients: the columns of the table in design section 6.4. */
export type Role =
  /** It starts, or no master is known. */
  | 'waiting'
  | 'becomingMaster'
  | 'servingMaster'
  | 'slave'
  /** A slave that led until a short while ago: clients that do not know yet are handed on. */
  | 'formerMaster'
  | 'stopping';

/**
 * What happens to a request: it is served here, held until the role changes, handed on to the master, noted (who is
 * online; accepted while there is nothing to note it with), or refused.
 */
export type RoleDecision = 'serve' | 'hold' | 'forward' | 'session' | Refused;

/** The master of a replica, as long as it is there. */
export interface KnownMaster {
  /** For clients; undefined where nobody told it. */
  readonly address: string | undefined;
}

interface Refused {
  readonly code: number;
  readonly remark: string;
}

const sends: ReadonlySet<number> = new Set([
  RequestCode.SEND_MESSAGE,
  RequestCode.SEND_MESSAGE_V2,
  RequestCode.SEND_BATCH_MESSAGE,
  RequestCode.SEND_REPLY_MESSAGE,
  RequestCode.SEND_REPLY_MESSAGE_V2,
  RequestCode.CONSUMER_SEND_MSG_BACK,
  RequestCode.END_TRANSACTION,
]);

const pulls: ReadonlySet<number> = new Set([
  RequestCode.PULL_MESSAGE,
  RequestCode.LITE_PULL_MESSAGE,
]);

const sessions: ReadonlySet<number> = new Set([
  RequestCode.HEART_BEAT,
  RequestCode.UNREGISTER_CLIENT,
]);

/** Progress and places in queues: only the master knows the newest. */
const queries: ReadonlySet<number> = new Set([
  RequestCode.QUERY_CONSUMER_OFFSET,
  RequestCode.GET_MAX_OFFSET,
  RequestCode.GET_MIN_OFFSET,
  RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
  RequestCode.GET_CONSUMER_LIST_BY_GROUP,
]);

const locks: ReadonlySet<number> = new Set([
  RequestCode.LOCK_BATCH_MQ,
  RequestCode.UNLOCK_BATCH_MQ,
]);

/** What changes metadata because somebody asked for it. */
const definitions: ReadonlySet<number> = new Set([
  RequestCode.UPDATE_AND_CREATE_TOPIC,
  RequestCode.UPDATE_AND_CREATE_TOPIC_LIST,
  RequestCode.DELETE_TOPIC_IN_BROKER,
  RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
  RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST,
  RequestCode.DELETE_SUBSCRIPTIONGROUP,
  RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
  RequestCode.SET_MESSAGE_REQUEST_MODE,
  RequestCode.CLEAN_UNUSED_TOPIC,
  RequestCode.CLONE_GROUP_OFFSET,
]);

/** What waits while the group is handed over: it is the master's, and would be refused, or lost, half-way. */
export const waitsForHandOver = (code: number): boolean =>
  isOfMaster(code) ||
  sessions.has(code) ||
  definitions.has(code) ||
  code === RequestCode.UPDATE_CONSUMER_OFFSET;

/** "Still loading" is never said as "not found": what cannot wait is refused as unavailable. */
export function decideByRole(role: Role, code: number, master?: KnownMaster): RoleDecision {
  switch (role) {
    case 'servingMaster':
      return 'serve';
    case 'waiting':
    case 'becomingMaster':
      if (pulls.has(code) || sessions.has(code)) return 'hold';
      return unavailable(code, 'the broker is starting and does not serve yet');
    case 'slave':
    case 'formerMaster':
      return asReplica(role, code, master);
    case 'stopping':
      return unavailable(code, 'the broker is stopping');
  }
}

/** Without a master a replica tells what it knows: old progress is better than none. */
function asReplica(
  role: 'slave' | 'formerMaster',
  code: number,
  master: KnownMaster | undefined,
): RoleDecision {
  const mayForward = master?.address !== undefined;
  const refused = (): Refused => unavailable(code, `this broker is a replica; ${whereIs(master)}`);
  if (sessions.has(code)) return 'session';
  if (code === RequestCode.UPDATE_CONSUMER_OFFSET) return mayForward ? 'forward' : refused();
  const isForMaster = definitions.has(code) || isOfMaster(code);
  if (role === 'formerMaster' && mayForward && isForMaster) return 'forward';
  if (pulls.has(code)) return 'serve';
  if (queries.has(code) && master === undefined) return 'serve';
  return isForMaster ? refused() : 'serve';
}

function whereIs(master: KnownMaster | undefined): string {
  if (master === undefined) return 'no master is known';
  return master.address === undefined
    ? 'it follows a master whose address it does not know'
    : `the master is ${master.address}`;
}

const isOfMaster = (code: number): boolean =>
  sends.has(code) || pulls.has(code) || queries.has(code) || locks.has(code);

/** As a broker refuses what it cannot do in its role, so that clients try again. */
export function unavailable(code: number, remark: string): Refused {
  return {
    code: sends.has(code) ? ResponseCode.SERVICE_NOT_AVAILABLE : ResponseCode.SYSTEM_ERROR,
    remark,
  };
}
