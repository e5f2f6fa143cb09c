import type { Disk, Failure, KeyValueStores } from '../../../src/base/index.ts';
import { Broker } from '../../../src/broker/index.ts';
import type { BrokerOptions } from '../../../src/broker/options.ts';
import { LocalStore } from '../../../src/views/index.ts';
import type { SimNode, SimWorld } from '../ports/index.ts';

/** What a golden bug puts between a broker and its ports. */
export interface PortWrappers {
  disk?(disk: Disk): Disk;
  keyValueStores?(stores: KeyValueStores): KeyValueStores;
}

/** A start that ended with the process dead is `crashed`; one that refused is `failed`. */
export type StartOutcome =
  | { readonly type: 'serving' }
  | { readonly type: 'crashed' }
  | { readonly type: 'failed'; readonly error: unknown };

/** A broker on a simulated node: its lives, from a start to a crash or a stop. */
export class SimBroker {
  readonly node: SimNode;
  /** Why the broker asked for the end of its process, in this life. */
  failed: Failure | undefined;
  readonly #world: SimWorld;
  readonly #options: BrokerOptions;
  readonly #wrappers: PortWrappers;
  #broker: Broker | undefined;
  #local: LocalStore | undefined;

  constructor(world: SimWorld, options: BrokerOptions, wrappers: PortWrappers = {}) {
    this.#world = world;
    this.#options = options;
    this.#wrappers = wrappers;
    this.node = world.node('broker');
  }

  /** The store of this life once it is open; readable after a crash, as it was. */
  get local(): LocalStore | undefined {
    return this.#local;
  }

  get isServing(): boolean {
    return this.#broker !== undefined && this.node.alive && this.failed === undefined;
  }

  /** Starts the broker in the present process of its node. */
  async start(whileStarting: () => boolean = () => false): Promise<StartOutcome> {
    const { node } = this;
    const { clock, network, random, logger, bootId } = node;
    const disk = this.#wrappers.disk?.(node.disk) ?? node.disk;
    const keyValueStores =
      this.#wrappers.keyValueStores?.(node.keyValueStores) ?? node.keyValueStores;
    this.#broker = undefined;
    this.#local = undefined;
    this.failed = undefined;
    opened.set(disk, (local) => {
      this.#local = local;
    });
    let outcome: StartOutcome | undefined;
    const ports = { clock, disk, keyValueStores, network, random, logger, bootId };
    Broker.start(this.#options, ports).then(
      (broker) => {
        this.#broker = broker;
        void broker.failed.then((failure) => {
          if (this.#broker === broker) this.failed = failure;
        });
        outcome = { type: 'serving' };
      },
      (error: unknown) => {
        outcome = { type: 'failed', error };
      },
    );
    await this.#world.run({
      until: () => outcome !== undefined || !node.alive || whileStarting(),
    });
    if (outcome === undefined && node.alive && !whileStarting()) {
      throw new Error('the start of the broker waits for nothing that could happen');
    }
    return node.alive && outcome !== undefined ? outcome : { type: 'crashed' };
  }

  /** Returns false when the process died before the stop was done. */
  async stop(): Promise<boolean> {
    const broker = this.#broker;
    if (broker === undefined) return false;
    let stopped: { readonly error?: unknown } | undefined;
    broker.stop().then(
      () => {
        stopped = {};
      },
      (error: unknown) => {
        stopped = { error };
      },
    );
    await this.#world.run({ until: () => stopped !== undefined || !this.node.alive });
    if (stopped !== undefined && 'error' in stopped) throw stopped.error;
    return stopped !== undefined;
  }
}

/**
 * The stores that are opened with these disks, so that checks can look inside. `Broker` has no use for such a view, and
 * the simulation does not need it to drive the broker.
 */
const opened = new WeakMap<Disk, (local: LocalStore) => void>();
const openStore = LocalStore.open;
LocalStore.open = async (options, ports) => {
  const local = await openStore.call(LocalStore, options, ports);
  opened.get(ports.disk)?.(local);
  return local;
};
