import { type Address, type Clock, epoch, type Logger } from '../base/index.ts';
import type { RemotingClient } from '../remoting/index.ts';
import { MetadataTables } from '../views/metadata/index.ts';
import { type RegisteredAs, Registration, type RegistrationOptions } from './registration.ts';

export interface MasterSearchParts {
  readonly client: RemotingClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registered: () => RegisteredAs;
  readonly onMaster: (haAddress: Address, address: Address | undefined) => void;
}

const intervalMs = 1000;
/** Of a replica that has no store to tell of. */
const nothing = { epoch: epoch(0), tables: new MetadataTables() };

/**
 * How a slave without a controller finds its master before it has a store to follow with: it registers without topics,
 * again and again, and a name server answers where the master is. A slave says nothing about the topics of its group.
 */
export class MasterSearch {
  readonly #clock: Clock;
  readonly #registration: Registration;
  readonly #over = new AbortController();

  constructor(options: RegistrationOptions, parts: MasterSearchParts, advertised: Address) {
    this.#clock = parts.clock;
    this.#registration = new Registration(options, { ...parts, store: nothing }, advertised);
  }

  /** Goes on until `stop`. */
  async run(): Promise<void> {
    while (!this.#over.signal.aborted) {
      await this.#registration.start();
      await this.#clock.sleep(intervalMs, this.#over.signal);
    }
  }

  /** The name servers still know this replica: whoever registers next goes on with that. */
  stop(): void {
    this.#over.abort();
    this.#registration.abandon();
  }
}
