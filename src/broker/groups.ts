import { isFailure } from '../base/index.ts';
import type { Store } from '../views/index.ts';
import {
  autoCreateGroup,
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
    return this.#store.tables.appended.group(name);
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
