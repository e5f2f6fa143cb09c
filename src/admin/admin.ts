import { type Address, type Clock, Failure, isFailure, type Random } from '../base/index.ts';
import type { OutgoingRequest, RemotingClient, RemotingConnection } from '../remoting/index.ts';
import type { Fields, IncomingCommand } from '../wire/index.ts';
import { orRefusal } from './refusal.ts';

export interface AdminOptions {
  readonly nameServers: readonly Address[];
  /** For one request with its answer. As the admin tools of RocketMQ: 5 s. */
  readonly timeoutMs?: number;
}

export interface AdminPorts {
  readonly remoting: Pick<RemotingClient, 'request'>;
  /** A client with connections of its own, for benchmarks. */
  open(): AdminClient;
  /** Time that this process has computed. */
  cpuMs(): number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Whoever opens it closes it. */
export interface AdminClient extends AsyncDisposable {
  connection(to: Address): Promise<Pick<RemotingConnection, 'request'>>;
}

/** What the operations talk through. Whoever made the client closes it. */
export class Admin {
  readonly nameServers: readonly Address[];
  readonly clock: Clock;
  readonly random: Random;
  readonly open: () => AdminClient;
  readonly cpuMs: () => number;
  readonly #remoting: Pick<RemotingClient, 'request'>;
  readonly #timeoutMs: number;

  constructor(options: AdminOptions, ports: AdminPorts) {
    this.nameServers = options.nameServers;
    this.clock = ports.clock;
    this.random = ports.random;
    this.open = () => ports.open();
    this.cpuMs = () => ports.cpuMs();
    this.#remoting = ports.remoting;
    this.#timeoutMs = options.timeoutMs ?? 5_000;
  }

  /** The answer, whose code is one of `successes` (else it fails with a `Refusal`); `unavailable` without an answer. */
  async call<F extends Fields>(
    to: Address,
    request: OutgoingRequest<F>,
    options: { readonly timeoutMs?: number; readonly successes?: readonly number[] } = {},
  ): Promise<IncomingCommand> {
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    const response = await this.#remoting.request(to, request, { timeoutMs });
    return orRefusal(response, options.successes);
  }

  /** From the first name server that can be reached. */
  async callNameServer<F extends Fields>(request: OutgoingRequest<F>): Promise<IncomingCommand> {
    let lastFailure: Failure | undefined;
    for (const nameServer of this.nameServers) {
      try {
        return await this.call(nameServer, request);
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
        lastFailure = error;
      }
    }
    const [, ...others] = this.nameServers;
    const which =
      others.length === 0 ? 'the name server' : `any of ${this.nameServers.length} name servers`;
    throw new Failure('unavailable', `cannot reach ${which}`, { cause: lastFailure });
  }
}
