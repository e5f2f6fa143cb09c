import type { RemotingConnection } from '../../remoting/index.ts';
import type { ConsumerData, SubscriptionData } from '../../wire/index.ts';

export interface ClientSession {
  readonly connection: RemotingConnection;
  readonly clientId: string;
  readonly language: string;
  readonly version: number;
  /** By the monotonic clock: a jump of the wall clock makes nobody late. */
  lastHeartbeatMs: number;
  /** Of the last heartbeat, in its second form, that named the client's subscriptions; 0: it has not done so. */
  fingerprint: number;
}

/** A consumer group as its online members describe it. Source of the rules: Java's `ConsumerGroupInfo`. */
export interface ConsumerGroupSession {
  readonly group: string;
  consumeType: ConsumerData['consumeType'];
  messageModel: ConsumerData['messageModel'];
  consumeFromWhere: ConsumerData['consumeFromWhere'];
  readonly clients: Map<RemotingConnection, ClientSession>;
  readonly subscriptions: Map<string, SubscriptionData>;
}

/** Consumers that are online, by heartbeat. Lost at a restart; clients come back within a heartbeat. */
export class Consumers {
  readonly #groups = new Map<string, ConsumerGroupSession>();

  group(name: string): ConsumerGroupSession | undefined {
    return this.#groups.get(name);
  }

  groups(): IterableIterator<ConsumerGroupSession> {
    return this.#groups.values();
  }

  clientIds(group: string): string[] {
    const ids = new Set<string>();
    for (const { clientId } of this.#groups.get(group)?.clients.values() ?? []) ids.add(clientId);
    return [...ids];
  }

  /**
   * Takes one entry of a heartbeat, perhaps without its subscriptions. Returns whether the members or the subscribed
   * topics changed, so that the other members must rebalance.
   */
  register(client: ClientSession, data: ConsumerData, withoutSubscriptions = false): boolean {
    let group = this.#groups.get(data.groupName);
    if (group === undefined) {
      group = {
        group: data.groupName,
        consumeType: data.consumeType,
        messageModel: data.messageModel,
        consumeFromWhere: data.consumeFromWhere,
        clients: new Map(),
        subscriptions: new Map(),
      };
      this.#groups.set(data.groupName, group);
    }
    group.consumeType = data.consumeType;
    group.messageModel = data.messageModel;
    group.consumeFromWhere = data.consumeFromWhere;
    const known = group.clients.get(client.connection);
    const isNew = known === undefined || known.clientId !== client.clientId;
    const session = isNew ? { ...client } : known;
    if (isNew) group.clients.set(client.connection, session);
    session.lastHeartbeatMs = client.lastHeartbeatMs;
    if (withoutSubscriptions) {
      if (isNew) session.fingerprint = 0;
      return isNew;
    }
    session.fingerprint = client.fingerprint;
    return this.#subscribe(group, data.subscriptionDataSet) || isNew;
  }

  /** Returns the names of the groups that lost a member and must rebalance. */
  unregister(connection: RemotingConnection, group?: string): string[] {
    const lost: string[] = [];
    const groups = group === undefined ? [...this.#groups.keys()] : [group];
    for (const name of groups) {
      const session = this.#groups.get(name);
      if (session?.clients.delete(connection) !== true) continue;
      lost.push(name);
      if (session.clients.size === 0) this.#groups.delete(name);
    }
    return lost;
  }

  forget(group: string): void {
    this.#groups.delete(group);
  }

  /** Whether a connection has named its subscriptions, and they are the same still. */
  knows(group: string, connection: RemotingConnection, fingerprint: number): boolean {
    return this.#groups.get(group)?.clients.get(connection)?.fingerprint === fingerprint;
  }

  /** A member by its own name. */
  client(group: string, clientId: string): ClientSession | undefined {
    for (const client of this.#groups.get(group)?.clients.values() ?? []) {
      if (client.clientId === clientId) return client;
    }
    return undefined;
  }

  /** Connections whose last heartbeat is older than `beforeMs`. */
  expired(beforeMs: number): Set<RemotingConnection> {
    const connections = new Set<RemotingConnection>();
    for (const { clients } of this.#groups.values()) {
      for (const client of clients.values()) {
        if (client.lastHeartbeatMs < beforeMs) connections.add(client.connection);
      }
    }
    return connections;
  }

  /** A newer `subVersion` replaces; topics that are no longer named go. True when the set of topics changed. */
  #subscribe(group: ConsumerGroupSession, subscriptions: readonly SubscriptionData[]): boolean {
    let changed = false;
    const named = new Set<string>();
    for (const subscription of subscriptions) {
      named.add(subscription.topic);
      const known = group.subscriptions.get(subscription.topic);
      if (known === undefined) changed = true;
      if (known === undefined || subscription.subVersion >= known.subVersion) {
        group.subscriptions.set(subscription.topic, subscription);
      }
    }
    for (const topic of group.subscriptions.keys()) {
      if (named.has(topic)) continue;
      group.subscriptions.delete(topic);
      changed = true;
    }
    return changed;
  }
}
