/** What a broker says of itself when it registers, and which registrations are refused. */
import type { DataVersion, RegistrationContent } from '../wire/index.ts';
import type { BrokerGroup } from './route-table.ts';

export interface Registration {
  readonly cluster: string;
  readonly brokerName: string;
  readonly brokerId: number;
  readonly address: string;
  readonly haAddress: string;
  readonly zoneName: string | undefined;
  readonly heartbeatTimeoutMs: number;
  /** `undefined` from brokers that do not know the field. */
  readonly enableActingMaster: boolean | undefined;
  /** Mastership period, from brokers that send it; others have only the state version of their topics. */
  readonly epoch: number | undefined;
  /**
   * The version of the topic table that this registration continues: it holds the topics that changed since, and its
   * own version is valid for the whole table.
   */
  readonly baseVersion: DataVersion | undefined;
  /** Identifies the bytes of the body; equal bytes are not read again. */
  readonly fingerprint: string;
  /** Reads the body; called only if it is needed. */
  readonly content: () => RegistrationContent;
  /** The connection it came over: when that closes, the broker is gone. */
  readonly owner: object;
}

export type RegistrationResult =
  | {
      /** This broker was not registered under this id and address. */
      readonly isNew: boolean;
      /** For slaves. */
      readonly masterAddress: string | undefined;
      readonly masterHaAddress: string | undefined;
    }
  | { readonly refused: RegistrationRefusal };

export type RegistrationRefusal =
  /** A newer master holds this id; its address and epoch. */
  | { readonly type: 'staleEpoch'; readonly holder: string; readonly epoch: number }
  /** A part of the topics comes before the whole table, and would hide the others (#9411). */
  | { readonly type: 'partFirst' };

/** What this registration is refused for, given who holds its id now. */
export function refusalOf(
  registration: Registration,
  content: RegistrationContent | undefined,
  fence: number,
  group: BrokerGroup | undefined,
): RegistrationRefusal | undefined {
  const holder = group?.members.get(registration.brokerId);
  const isHolder = holder?.address === registration.address;
  // Newest epoch wins; among brokers without epochs the state version decides, as in Java (#6316).
  if (holder !== undefined && !isHolder && holder.fence > fence) {
    return { type: 'staleEpoch', holder: holder.address, epoch: holder.fence };
  }
  const highest = group?.highestEpoch ?? 0;
  if (registration.brokerId === 0 && (registration.epoch ?? highest) < highest) {
    return { type: 'staleEpoch', holder: holder?.address ?? 'nobody at present', epoch: highest };
  }
  if (registration.baseVersion !== undefined && !isHolder) return { type: 'partFirst' };
  if (holder === undefined && content?.topics.size === 1) return { type: 'partFirst' };
  return undefined;
}

/**
 * Whether the topics are only a part of those that the broker has: it says so, or there is just one, as brokers of
 * RocketMQ send when a topic was created.
 */
export function isPart(registration: Registration, content: RegistrationContent): boolean {
  return registration.baseVersion !== undefined || content.topics.size === 1;
}

/**
 * The version that stands for the whole table after this registration. A part says nothing about the other topics, so
 * its version counts only if it continues the one that is known (#9411).
 */
export function versionAfter(
  registration: Registration,
  content: RegistrationContent,
  before: DataVersion | undefined,
): DataVersion {
  if (before === undefined || !isPart(registration, content)) return content.dataVersion;
  const { baseVersion } = registration;
  const continues = baseVersion !== undefined && sameVersion(baseVersion, before);
  return continues ? content.dataVersion : before;
}

export function sameVersion(left: DataVersion, right: DataVersion): boolean {
  return (
    left.stateVersion === right.stateVersion &&
    left.timestamp === right.timestamp &&
    left.counter === right.counter
  );
}
