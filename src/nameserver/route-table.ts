/**
 * The routes: which broker groups are there, at which addresses, with which topics. Functions over maps; time and
 * connections come in as arguments. Everything here is rebuilt from registrations after a restart.
 *
 * A broker group has one member per broker id, and the group's queue data is what its master (or, while there is
 * none, its smallest id) registered. Every change gets a new revision, so that an encoded route stays valid until one
 * of the few things it was made of has changed. Source: `RouteInfoManager`.
 */
import assert from 'node:assert';
import type {
  DataVersion,
  RegistrationContent,
  TopicQueueMappingInfo,
  TopicQueues,
} from '../wire/index.ts';
import {
  isPart,
  type Registration,
  type RegistrationResult,
  refusalOf,
  versionAfter,
} from './registration.ts';

/** One broker process. */
export interface Member {
  readonly group: BrokerGroup;
  readonly brokerId: number;
  readonly address: string;
  readonly cluster: string;
  readonly haAddress: string;
  readonly owner: object;
  readonly filterServers: readonly string[];
  readonly heartbeatTimeoutMs: number;
  readonly fingerprint: string;
  /** Of the topic table as it was registered as a whole. */
  readonly dataVersion: DataVersion;
  /** The greatest of: the epoch it sent, the state version of its topics, the epoch of its heartbeats. */
  fence: number;
  lastSeenMs: number;
}

export interface BrokerGroup {
  readonly brokerName: string;
  readonly cluster: string;
  readonly members: Map<number, Member>;
  readonly topics: Map<string, QueueEntry>;
  zoneName: string | undefined;
  enableActingMaster: boolean;
  /** Greatest epoch that a master sent while the group was here. It never goes down (#6316). */
  highestEpoch: number;
  revision: number;
}

/** A topic on one broker group. */
export interface QueueEntry {
  readonly registered: TopicQueues;
  /** As routes show it: an operator may have taken away the write bit since it was registered. */
  perm: number;
}

/** A topic on all groups that have it; there is at least one. */
export interface TopicRoute {
  readonly queues: Map<string, QueueEntry>;
  readonly mappings: Map<string, TopicQueueMappingInfo>;
  revision: number;
}

export interface RouteBroker {
  readonly brokerName: string;
  readonly cluster: string;
  readonly addresses: ReadonlyMap<number, string>;
  readonly enableActingMaster: boolean;
  readonly zoneName: string | undefined;
}

export interface RouteQueues extends TopicQueues {
  readonly brokerName: string;
}

/** The answer to "where is this topic": brokers and queues by broker name. */
export interface Route {
  readonly brokers: readonly RouteBroker[];
  readonly queues: readonly RouteQueues[];
  readonly filterServers: ReadonlyMap<string, readonly string[]>;
  /** By broker name; `undefined` unless the topic is static. */
  readonly mappings: ReadonlyMap<string, TopicQueueMappingInfo> | undefined;
}

export interface RouteTableOptions {
  /** Topics that a registration does not name are removed from that broker group. */
  readonly deleteTopicWithBrokerRegistration: boolean;
}

const permRead = 4;
const permWrite = 2;
const unitFlag = 1;
const unitSubFlag = 2;

export class RouteTable {
  readonly #options: RouteTableOptions;
  readonly #groups = new Map<string, BrokerGroup>();
  readonly #clusters = new Map<string, Set<string>>();
  readonly #topics = new Map<string, TopicRoute>();
  readonly #membersByAddress = new Map<string, Member>();
  readonly #membersByOwner = new Map<object, Set<Member>>();
  #revision = 0;
  #topicSetRevision = 0;
  #groupsRevision = 0;

  constructor(options: RouteTableOptions) {
    this.#options = options;
  }

  /** Rises when a topic appears or disappears. */
  get topicSetRevision(): number {
    return this.#topicSetRevision;
  }

  /** Rises when a group, an address or a property of a group changes. */
  get groupsRevision(): number {
    return this.#groupsRevision;
  }

  /** A refused registration changes nothing. */
  register(registration: Registration, nowMs: number): RegistrationResult {
    const { brokerName, brokerId, address, cluster } = registration;
    const known = this.#groups.get(brokerName);
    const holder = known?.members.get(brokerId);
    const before = holder?.address === address && holder.cluster === cluster ? holder : undefined;
    const isRepeated = before?.fingerprint === registration.fingerprint;
    const content = isRepeated ? undefined : registration.content();
    const { stateVersion } = content?.dataVersion ?? before?.dataVersion ?? noVersion;
    const fence = registration.epoch ?? stateVersion;
    const refused = refusalOf(registration, content, fence, known);
    if (refused !== undefined) return { refused };

    const group = known ?? this.#createGroup(brokerName, cluster);
    this.#addToCluster(cluster, brokerName);
    this.#describeGroup(group, registration);
    if (registration.epoch !== undefined) {
      group.highestEpoch = Math.max(group.highestEpoch, registration.epoch);
    }

    this.#replaceMember(group, holder, {
      group,
      brokerId,
      address,
      cluster,
      haAddress: registration.haAddress,
      owner: registration.owner,
      filterServers: content?.filterServers ?? before?.filterServers ?? [],
      heartbeatTimeoutMs: registration.heartbeatTimeoutMs,
      fingerprint: registration.fingerprint,
      dataVersion:
        content === undefined
          ? (before?.dataVersion ?? noVersion)
          : versionAfter(registration, content, before?.dataVersion),
      fence: Math.max(fence, stateVersion, before?.fence ?? 0),
      lastSeenMs: nowMs,
    });

    if (content !== undefined && this.#speaksForGroup(group, registration)) {
      this.#applyContent(group, content, {
        isFirst: before === undefined,
        isReadOnly: brokerId !== 0 && group.enableActingMaster,
        isPart: isPart(registration, content),
      });
    }
    const master = brokerId === 0 ? undefined : group.members.get(0);
    return {
      isNew: before === undefined,
      masterAddress: master?.address,
      masterHaAddress: master?.haAddress,
    };
  }

  /** Whether there was such a broker. */
  unregister(cluster: string, brokerName: string, address: string): boolean {
    const member = this.#membersByAddress.get(addressKey(cluster, address));
    if (member === undefined || member.group.brokerName !== brokerName) return false;
    this.#removeMember(member);
    return true;
  }

  /** Removes the brokers that registered over this connection and have not registered over another one since. */
  ownerGone(owner: object): readonly Member[] {
    const members = [...(this.#membersByOwner.get(owner) ?? [])];
    for (const member of members) this.#removeMember(member);
    return members;
  }

  /** Removes the brokers that were silent for longer than they said they would be. */
  expire(nowMs: number): readonly Member[] {
    const expired: Member[] = [];
    for (const member of this.#membersByAddress.values()) {
      if (member.lastSeenMs + member.heartbeatTimeoutMs < nowMs) expired.push(member);
    }
    for (const member of expired) this.#removeMember(member);
    return expired;
  }

  /** A sign of life. */
  heartbeat(cluster: string, address: string, epoch: number | undefined, nowMs: number): void {
    const member = this.#membersByAddress.get(addressKey(cluster, address));
    if (member === undefined) return;
    member.lastSeenMs = nowMs;
    if (epoch !== undefined) member.fence = Math.max(member.fence, epoch);
  }

  dataVersionOf(cluster: string, address: string): DataVersion | undefined {
    return this.#membersByAddress.get(addressKey(cluster, address))?.dataVersion;
  }

  /** Returns how many topics the group has. */
  setWritable(brokerName: string, writable: boolean): number {
    const group = this.#groups.get(brokerName);
    if (group === undefined) return 0;
    for (const [topic, entry] of group.topics) {
      this.#setPerm(topic, entry, writable ? permRead | permWrite : entry.perm & ~permWrite);
    }
    return group.topics.size;
  }

  /** Names of groups that are not registered, in which case nothing changes; else none. */
  registerTopic(topic: string, queues: readonly RouteQueues[]): readonly string[] {
    const unknown = queues
      .map((queue) => queue.brokerName)
      .filter((name) => !this.#groups.has(name));
    if (unknown.length > 0) return unknown;
    for (const queue of queues) {
      const group = this.#groups.get(queue.brokerName);
      if (group !== undefined) this.#putTopic(group, topic, queue, queue.perm);
    }
    return [];
  }

  /** Everywhere, or on the groups of one cluster. */
  deleteTopic(topic: string, cluster?: string): void {
    const route = this.#topics.get(topic);
    if (route === undefined) return;
    const names = cluster === undefined ? route.queues.keys() : (this.#clusters.get(cluster) ?? []);
    for (const name of [...names]) {
      const group = this.#groups.get(name);
      if (group === undefined || !group.topics.has(topic)) continue;
      this.#dropTopic(group, topic);
      // A broker that still has the topic brings it back: its next registration must be read.
      for (const [id, member] of group.members)
        this.#setMember(group, id, { ...member, fingerprint: '' });
    }
  }

  /** `undefined` when no broker has the topic. */
  topic(name: string): TopicRoute | undefined {
    return this.#topics.get(name);
  }

  describe(topic: TopicRoute): Route {
    const brokers: RouteBroker[] = [];
    const queues: RouteQueues[] = [];
    const filterServers = new Map<string, readonly string[]>();
    for (const name of [...topic.queues.keys()].sort()) {
      const group = this.#groups.get(name);
      const entry = topic.queues.get(name);
      assert(group !== undefined && entry !== undefined, 'a topic is on groups that are there');
      brokers.push(describeBroker(group));
      queues.push({ ...entry.registered, brokerName: name, perm: entry.perm });
      for (const { address, filterServers: servers } of group.members.values()) {
        if (servers.length > 0) filterServers.set(address, servers);
      }
    }
    const mappings = topic.mappings.size === 0 ? undefined : topic.mappings;
    return { brokers, queues, filterServers, mappings };
  }

  /** The newest change of anything that the route of this topic shows. */
  revisionOf(topic: TopicRoute): number {
    let newest = topic.revision;
    for (const name of topic.queues.keys()) {
      newest = Math.max(newest, this.#groups.get(name)?.revision ?? 0);
    }
    return newest;
  }

  brokers(): readonly RouteBroker[] {
    return [...this.#groups.values()].map(describeBroker).sort(byBrokerName);
  }

  group(brokerName: string): RouteBroker | undefined {
    const group = this.#groups.get(brokerName);
    return group === undefined ? undefined : describeBroker(group);
  }

  clusters(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#clusters;
  }

  topicNames(): Iterable<string> {
    return this.#topics.keys();
  }

  topicsOfCluster(cluster: string): ReadonlySet<string> {
    const topics = new Set<string>();
    for (const name of this.#clusters.get(cluster) ?? []) {
      for (const topic of this.#groups.get(name)?.topics.keys() ?? []) topics.add(topic);
    }
    return topics;
  }

  /** Topics by the unit bits of their system flag. */
  unitTopics(which: 'unit' | 'unitSub' | 'unitSubWithoutUnit'): readonly string[] {
    const topics: string[] = [];
    for (const [topic, route] of this.#topics) {
      const [first] = route.queues.values();
      const flag = first?.registered.topicSysFlag ?? 0;
      const unit = (flag & unitFlag) !== 0;
      const unitSub = (flag & unitSubFlag) !== 0;
      if (which === 'unit' ? unit : unitSub && (which === 'unitSub' || !unit)) topics.push(topic);
    }
    return topics;
  }

  #createGroup(brokerName: string, cluster: string): BrokerGroup {
    const group: BrokerGroup = {
      brokerName,
      cluster,
      members: new Map(),
      topics: new Map(),
      zoneName: undefined,
      enableActingMaster: false,
      highestEpoch: 0,
      revision: 0,
    };
    this.#groups.set(brokerName, group);
    return group;
  }

  #addToCluster(cluster: string, brokerName: string): void {
    const names = this.#clusters.get(cluster);
    if (names?.has(brokerName)) return;
    if (names === undefined) this.#clusters.set(cluster, new Set([brokerName]));
    else names.add(brokerName);
    this.#groupsRevision++;
  }

  #describeGroup(group: BrokerGroup, registration: Registration): void {
    const enableActingMaster = registration.enableActingMaster ?? false;
    if (
      group.zoneName === registration.zoneName &&
      group.enableActingMaster === enableActingMaster
    ) {
      return;
    }
    group.zoneName = registration.zoneName;
    group.enableActingMaster = enableActingMaster;
    this.#touchGroup(group);
  }

  /** The address moves here from any other id or group that had it. */
  #replaceMember(group: BrokerGroup, holder: Member | undefined, member: Member): void {
    const previous = this.#membersByAddress.get(addressKey(member.cluster, member.address));
    this.#setMember(group, member.brokerId, member);
    if (previous !== undefined && previous !== holder) this.#removeMember(previous);
    if (holder?.address !== member.address) this.#touchGroup(group);
    else if (!sameList(holder.filterServers, member.filterServers)) this.#touchGroup(group);
  }

  #setMember(group: BrokerGroup, brokerId: number, member: Member): void {
    const replaced = group.members.get(brokerId);
    if (replaced !== undefined) this.#forgetMember(replaced);
    group.members.set(brokerId, member);
    this.#membersByAddress.set(addressKey(member.cluster, member.address), member);
    const owned = this.#membersByOwner.get(member.owner);
    if (owned === undefined) this.#membersByOwner.set(member.owner, new Set([member]));
    else owned.add(member);
  }

  /** Takes a member out of the indexes by address and owner, unless another one is there by now. */
  #forgetMember(member: Member): void {
    const key = addressKey(member.cluster, member.address);
    if (this.#membersByAddress.get(key) === member) this.#membersByAddress.delete(key);
    const owned = this.#membersByOwner.get(member.owner);
    owned?.delete(member);
    if (owned?.size === 0) this.#membersByOwner.delete(member.owner);
  }

  #removeMember(member: Member): void {
    const { group } = member;
    this.#forgetMember(member);
    if (group.members.get(member.brokerId) === member) group.members.delete(member.brokerId);
    this.#touchGroup(group);
    if (group.members.size === 0) {
      this.#removeGroup(group);
      return;
    }
    if (!group.enableActingMaster || group.members.has(0)) return;
    for (const [topic, entry] of group.topics) this.#setPerm(topic, entry, entry.perm & ~permWrite);
  }

  #removeGroup(group: BrokerGroup): void {
    this.#groups.delete(group.brokerName);
    for (const [cluster, names] of this.#clusters) {
      names.delete(group.brokerName);
      if (names.size === 0) this.#clusters.delete(cluster);
    }
    for (const topic of [...group.topics.keys()]) this.#dropTopic(group, topic);
  }

  #touchGroup(group: BrokerGroup): void {
    group.revision = ++this.#revision;
    this.#groupsRevision++;
  }

  /** The master does; while there is none, the smallest id of brokers that know about acting masters. */
  #speaksForGroup(group: BrokerGroup, registration: Registration): boolean {
    if (registration.brokerId === 0) return true;
    if (registration.enableActingMaster === undefined) return false;
    return registration.brokerId === Math.min(...group.members.keys());
  }

  #applyContent(
    group: BrokerGroup,
    content: RegistrationContent,
    how: { readonly isFirst: boolean; readonly isReadOnly: boolean; readonly isPart: boolean },
  ): void {
    const isWhole = !how.isPart && content.mappings.size === 0;
    if (isWhole && this.#options.deleteTopicWithBrokerRegistration) {
      for (const topic of [...group.topics.keys()]) {
        if (!content.topics.has(topic)) this.#dropTopic(group, topic);
      }
    }
    for (const [topic, queues] of content.topics) {
      const entry = group.topics.get(topic);
      if (!how.isFirst && entry !== undefined && sameQueues(entry.registered, queues)) continue;
      this.#putTopic(group, topic, queues, how.isReadOnly ? queues.perm & ~permWrite : queues.perm);
    }
    for (const [topic, mapping] of content.mappings) {
      const route = this.#topics.get(topic);
      if (route === undefined) continue;
      route.mappings.set(mapping.brokerName, mapping.value);
      route.revision = ++this.#revision;
    }
  }

  #putTopic(group: BrokerGroup, topic: string, queues: TopicQueues, perm: number): void {
    const before = group.topics.get(topic);
    if (before !== undefined && before.perm === perm && sameQueues(before.registered, queues))
      return;
    const { readQueueNums, writeQueueNums, topicSysFlag } = queues;
    const entry: QueueEntry = {
      registered: { readQueueNums, writeQueueNums, perm: queues.perm, topicSysFlag },
      perm,
    };
    group.topics.set(topic, entry);
    const route = this.#topics.get(topic);
    if (route === undefined) {
      const queuesByGroup = new Map([[group.brokerName, entry]]);
      const revision = ++this.#revision;
      this.#topics.set(topic, { queues: queuesByGroup, mappings: new Map(), revision });
      this.#topicSetRevision++;
    } else {
      route.queues.set(group.brokerName, entry);
      route.revision = ++this.#revision;
    }
  }

  #setPerm(topic: string, entry: QueueEntry, perm: number): void {
    if (entry.perm === perm) return;
    entry.perm = perm;
    const route = this.#topics.get(topic);
    if (route !== undefined) route.revision = ++this.#revision;
  }

  #dropTopic(group: BrokerGroup, topic: string): void {
    group.topics.delete(topic);
    const route = this.#topics.get(topic);
    if (route === undefined) return;
    route.queues.delete(group.brokerName);
    route.mappings.delete(group.brokerName);
    route.revision = ++this.#revision;
    if (route.queues.size > 0) return;
    this.#topics.delete(topic);
    this.#topicSetRevision++;
  }
}

const noVersion: DataVersion = { stateVersion: 0, timestamp: 0, counter: 0 };

function addressKey(cluster: string, address: string): string {
  return `${cluster}\n${address}`;
}

function describeBroker(group: BrokerGroup): RouteBroker {
  const addresses = new Map<number, string>();
  for (const id of [...group.members.keys()].sort((left, right) => left - right)) {
    const member = group.members.get(id);
    if (member !== undefined) addresses.set(id, member.address);
  }
  const { brokerName, cluster, enableActingMaster, zoneName } = group;
  return { brokerName, cluster, addresses, enableActingMaster, zoneName };
}

function byBrokerName(left: RouteBroker, right: RouteBroker): number {
  return left.brokerName < right.brokerName ? -1 : 1;
}

function sameQueues(left: TopicQueues, right: TopicQueues): boolean {
  return (
    left.readQueueNums === right.readQueueNums &&
    left.writeQueueNums === right.writeQueueNums &&
    left.perm === right.perm &&
    left.topicSysFlag === right.topicSysFlag
  );
}

function sameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index]);
}
