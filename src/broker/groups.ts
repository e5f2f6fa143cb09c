import { isFailure } from '../base/index.ts';
import type { Store } from '../views/index.ts';
import {
  autoCreateGroup,
  automaticGroup,
  type MetadataSettings,
  type SubscriptionGroupConfig,
} from '../views/metadata/index.ts';
import type { MetadataWriter } from './metadata-writer.ts';

/** Finds subscription groups in the appended state, and creates those that may come by themselves. */
export class Groups {
  readonly #store: Store;
  readonly #writer: MetadataWriter;
  readonly #settings: MetadataSettings;

  constructor(settings: MetadataSettings, store: Store, writer: MetadataWriter) {
    this.#store = store;
    this.#writer = writer;
    this.#settings = settings;
  }

  find(name: string): SubscriptionGroupConfig | undefined {
    const { tables, role } = this.#store;
    const known = tables.appended.group(name);
    // On a replica, a delete that is not applied may never happen.
    return known === undefined && role !== 'leader' ? tables.applied.group(name) : known;
  }

  /** For a replica, which creates nothing: one that may come by itself is what the master would make of it. */
  findOrPresume(name: string): SubscriptionGroupConfig | undefined {
    const known = this.find(name);
    if (known !== undefined) return known;
    const presumed = automaticGroup(name, this.#settings);
    return 'refused' in presumed ? undefined : presumed;
  }

  /** Undefined when it may not be created, or cannot be at the moment. */
  findOrCreate(name: string): SubscriptionGroupConfig | undefined {
    const known = this.find(name);
    if (known !== undefined) return known;
    try {
      this.#writer.imply(`auto-create group ${name}`, (state) =>
        autoCreateGroup(state, name, this.#settings),
      );
    } catch (error) {
      if (!isFailure(error)) throw error;
      return undefined;
    }
    return this.find(name);
  }
}
