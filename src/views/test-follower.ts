/** A second replica in the world of a `TestStore`: what the link does, done by hand. */
import { strict as assert } from 'node:assert';
import type { SimNode } from '../../test/sim/ports/index.ts';
import { brokerId, type PhysicalOffset } from '../base/index.ts';
import { type InstallOptions, StoreInstall } from './install.ts';
import { LocalStore, type LocalStoreOptions } from './local-store.ts';
import type { Store } from './store.ts';
import type { StorePorts } from './store-parts.ts';
import type { TestStore } from './test-store.ts';

export class TestFollower {
  readonly leader: TestStore;
  readonly node: SimNode;
  readonly options: LocalStoreOptions;
  #local: LocalStore | undefined;

  constructor(leader: TestStore, changes: Partial<LocalStoreOptions> = {}) {
    this.leader = leader;
    this.node = leader.world.node('follower');
    this.options = { ...leader.options, self: brokerId(1), ...changes };
  }

  get local(): LocalStore {
    assert(this.#local !== undefined, 'opened');
    return this.#local;
  }

  get store(): Store {
    return this.local.store;
  }

  get ports(): StorePorts {
    const { clock, disk, keyValueStores, random, logger, bootId } = this.node;
    return { clock, disk, keyValueStores, random, logger, bootId };
  }

  /** Opens the store, and follows the leader. */
  async open(cutTo?: PhysicalOffset): Promise<void> {
    await this.openOnly(cutTo);
    await this.follow();
  }

  async follow(): Promise<void> {
    await this.leader.complete(this.local.promise(this.leader.store.epoch));
    this.local.follow(this.leader.store.epoch);
  }

  async openOnly(cutTo?: PhysicalOffset): Promise<void> {
    const opening = LocalStore.open({ ...this.options, cutTo }, this.ports);
    this.#local = await this.leader.complete(opening);
  }

  crash(options: { readonly powerLoss: boolean }): void {
    this.node.crash(options);
    this.node.restart();
    this.#local = undefined;
  }

  /** What this replica, or another one, would send of its log from there. */
  async range(position: PhysicalOffset, maxBytes = 4096, { log } = this.leader.store) {
    const range = await this.leader.complete(Promise.resolve(log.rangeAt(position, maxBytes)));
    return { bytes: Uint8Array.from(range.bytes), end: range.end };
  }

  /** Takes what the leader has written, up to `end`, in ranges of about `maxBytes`. */
  async copy(end: number = this.leader.store.log.written, maxBytes = 4096): Promise<void> {
    while (this.store.log.end < end) {
      const range = await this.range(this.store.log.end, maxBytes);
      this.store.ingest(range.bytes);
      assert.equal(this.store.log.end, range.end);
      await this.leader.idle();
    }
  }

  /** Copies all, syncs it, and learns the leader's C and D. */
  async catchUp(): Promise<void> {
    await this.copy();
    await this.leader.complete(this.store.syncAll());
    const { commitPoint, durablePoint } = this.leader.store;
    this.store.pointsFromLeader(commitPoint, durablePoint);
  }

  /** One installation from its beginning to its end. */
  async install(changes: Partial<InstallOptions> = {}): Promise<void> {
    const { store, local } = this.leader;
    const install = await StoreInstall.open({ ...this.options, ...changes }, this.ports);
    await install.promise(store.epoch);
    install.expect(store.log.begin);
    await using snapshot = await local.openSnapshot();
    for (let isLast = false; !isLast; ) {
      const piece = await snapshot.read();
      isLast = piece === undefined;
      await install.snapshotPiece(piece ?? new Uint8Array(0), isLast);
    }
    while (!install.isComplete) {
      const range = await store.log.rangeAt(install.written, 4096);
      await install.ingest(range.bytes);
      assert.equal(install.written, range.end);
    }
    await install.finish();
  }
}
