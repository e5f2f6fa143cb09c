import type { RemotingConnection } from '../../remoting/index.ts';
import { Consumers } from './consumers.ts';
import { Producers } from './producers.ts';

/**
 * Clients that are online, as far as they said so to this node. Kept through changes of its role and of its store:
 * consumers tell all replicas of themselves, but each only every 30 s, and the one that is promoted must know them at
 * once, or it refuses their pulls until then.
 */
export class OnlineClients {
  readonly consumers = new Consumers();
  readonly producers = new Producers();

  /** The connection is gone, and with it its members. Returns the consumer groups that lost one. */
  closed(connection: RemotingConnection): string[] {
    this.producers.unregister(connection);
    return this.consumers.unregister(connection);
  }
}
