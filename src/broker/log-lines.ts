import { formatAddress, type LogFields } from '../base/index.ts';
import type { LocalStore } from '../views/index.ts';
import { Table } from '../views/metadata/index.ts';
import type { BrokerDescription } from './broker.ts';

/** What recovery found and did, in the order in which a person asks. */
export function recoveryLine(path: string, { recovery }: LocalStore): [string, LogFields] {
  const { cutBytes, rebuilt, elapsedMs: tookMs } = recovery;
  if (recovery.end === 0) return ['the store is new', { path, tookMs }];
  const fields = {
    path,
    lastStop: recovery.cleanStop ? 'clean' : recovery.lossless ? 'killed' : 'lossy',
    begin: recovery.begin,
    end: recovery.end,
    ...(cutBytes > 0 ? { cutBytes } : {}),
    verifiedBytes: recovery.verifiedBytes,
    replayedFrom: recovery.replayedFrom,
    replayedRecords: recovery.replayedRecords,
    ...(rebuilt.length > 0 ? { rebuilt: rebuilt.join('; ') } : {}),
    tookMs,
  };
  return ['the store is recovered', fields];
}

export function leadLine(
  { cluster, name, id, address }: BrokerDescription,
  { store, incarnation }: LocalStore,
): [string, LogFields] {
  const fields = {
    ...{ cluster, broker: name, id },
    address: formatAddress(address),
    incarnation,
    epoch: store.epoch,
    set: store.positions.confirmed,
    position: store.log.end,
    topics: store.tables.applied.count(Table.topic),
  };
  return ['leads its group', fields];
}
