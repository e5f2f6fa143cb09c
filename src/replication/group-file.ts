import { crc32 } from 'node:zlib';
import {
  type BrokerId,
  brokerId,
  type Disk,
  type Epoch,
  epoch,
  Failure,
  isFailure,
} from '../base/index.ts';
import { atomicReplace, incarnationBytes } from '../log/index.ts';

/**
 * What a node remembers about its group, fsynced before it acts on it (protocol rules 1, 2, 4). In a static group of
 * one the node is its own controller: it grants itself the next epoch.
 */
export interface GroupState {
  /** The highest epoch this node ever promised or led. 0 before its first start. */
  readonly promisedEpoch: Epoch;
  /** Of the start that wrote this, 8 bytes in hexadecimal. */
  readonly incarnation: string;
  readonly self: BrokerId;
  /** Of the set that this node may have acknowledged with; empty on a replica that has not led with the set. */
  readonly members: readonly BrokerId[];
  readonly setEpoch: number;
  /** The node stopped after its last fsync and wrote nothing since. */
  readonly cleanStop: boolean;
  /** An earlier stop lost something, and nobody who decides who leads was told yet (rule 2; docs/model, T10). */
  readonly lossy: boolean;
  /** The run of the operating system that this was written in; undefined where that is not known. */
  readonly bootId: string | undefined;
}

/** Of a node that has never written any. */
export function firstGroupState(self: BrokerId, bootId: string | undefined): GroupState {
  return {
    promisedEpoch: epoch(0),
    incarnation: '0'.repeat(2 * incarnationBytes),
    self,
    members: [],
    setEpoch: 0,
    cleanStop: false,
    lossy: false,
    bootId,
  };
}

/** Protocol rule 4. Whoever leads in a higher epoch counts its own set, so that this node's says nothing any more. */
export function promising(state: GroupState, promised: Epoch): GroupState {
  if (promised <= state.promisedEpoch) return state;
  return { ...state, promisedEpoch: promised, members: [] };
}

/**
 * Protocol rule 2: whether all is there that the node had handed to the operating system when it stopped, given the
 * present run of the operating system, also at the stops before that were not told of yet. Without a state only an empty
 * log is known to be whole.
 */
export function wasLossless(
  state: GroupState | undefined,
  bootId: string | undefined,
  log: { readonly isEmpty: boolean },
): boolean {
  if (state === undefined) return log.isEmpty;
  return !state.lossy && (state.cleanStop || isSameBoot(state, bootId));
}

/** Whether the operating system has run on since the state was written. An unknown run is not the same. */
export function isSameBoot(state: GroupState | undefined, bootId: string | undefined): boolean {
  return state?.bootId !== undefined && state.bootId === bootId;
}

const fileName = 'group';

/**
 * The file is two lines: CRC-32 of the second in hexadecimal, and the state as JSON.
 * Fails `corrupt`, naming the file, when it is there and cannot be trusted.
 */
export async function readGroupState(disk: Disk, folder: string): Promise<GroupState | undefined> {
  const path = `${folder}/${fileName}`;
  let bytes: Uint8Array;
  try {
    await using file = await disk.open(path, 'read');
    bytes = new Uint8Array(await file.size());
    await file.read(bytes, 0);
  } catch (error) {
    if (isFailure(error, 'unavailable', 'notFound')) return undefined;
    throw error;
  }
  const text = Buffer.from(bytes).toString('utf8');
  const [checksum, json] = text.split('\n');
  if (checksum === undefined || json === undefined || checksum !== checksumOf(json)) {
    throw new Failure('corrupt', `${path} is damaged: its checksum does not match its content`);
  }
  return decode(json, path);
}

/** A damaged one, for people. Durable; returns where it is. */
export async function setGroupStateAside(disk: Disk, folder: string): Promise<string> {
  const to = `${folder}/${fileName}.set-aside`;
  await disk.rename(`${folder}/${fileName}`, to);
  await disk.syncFolder(folder);
  return to;
}

export async function writeGroupState(
  disk: Disk,
  folder: string,
  state: GroupState,
): Promise<void> {
  const json = JSON.stringify(state);
  await atomicReplace(disk, `${folder}/${fileName}`, Buffer.from(`${checksumOf(json)}\n${json}\n`));
}

function checksumOf(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}

function decode(json: string, path: string): GroupState {
  const value = JSON.parse(json) as Record<string, unknown>;
  const { promisedEpoch, incarnation, self, members, setEpoch, cleanStop, lossy, bootId } = value;
  if (
    typeof promisedEpoch !== 'number' ||
    typeof incarnation !== 'string' ||
    typeof self !== 'number' ||
    !Array.isArray(members) ||
    !members.every((member) => typeof member === 'number') ||
    typeof setEpoch !== 'number' ||
    typeof cleanStop !== 'boolean' ||
    typeof lossy !== 'boolean' ||
    (bootId !== undefined && typeof bootId !== 'string')
  ) {
    throw new Failure('corrupt', `${path} has a field that is missing or of the wrong type`);
  }
  return {
    promisedEpoch: epoch(promisedEpoch),
    incarnation,
    self: brokerId(self),
    members: members.map((member: number) => brokerId(member)),
    setEpoch,
    cleanStop,
    lossy,
    bootId,
  };
}
