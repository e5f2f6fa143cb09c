import type { RemotingConnection } from '../../remoting/index.ts';
import type { ClientSession } from './consumers.ts';

/** Producers that are online, by group. */
export class Producers {
  readonly #groups = new Map<string, Map<RemotingConnection, ClientSession>>();

  group(name: string): ReadonlyMap<RemotingConnection, ClientSession> | undefined {
    return this.#groups.get(name);
  }

  groups(): ReadonlyMap<string, ReadonlyMap<RemotingConnection, ClientSession>> {
    return this.#groups;
  }

  register(group: string, client: ClientSession): void {
    const clients = this.#groups.get(group) ?? new Map<RemotingConnection, ClientSession>();
    this.#groups.set(group, clients);
    const known = clients.get(client.connection);
    if (known !== undefined && known.clientId === client.clientId) {
      known.lastHeartbeatMs = client.lastHeartbeatMs;
    } else {
      clients.set(client.connection, { ...client });
    }
  }

  unregister(connection: RemotingConnection, group?: string): void {
    for (const name of group === undefined ? [...this.#groups.keys()] : [group]) {
      const clients = this.#groups.get(name);
      clients?.delete(connection);
      if (clients?.size === 0) this.#groups.delete(name);
    }
  }

  expired(beforeMs: number): Set<RemotingConnection> {
    const connections = new Set<RemotingConnection>();
    for (const clients of this.#groups.values()) {
      for (const client of clients.values()) {
        if (client.lastHeartbeatMs < beforeMs) connections.add(client.connection);
      }
    }
    return connections;
  }
}
