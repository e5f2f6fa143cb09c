import { Client, type Flavour } from './client.ts';
import type { Ability } from './flavours.ts';
import type { Target } from './target.ts';

/** What a scenario works with. */
export interface World {
  readonly target: Target;
  /** What clients are told; not the target's own where a relay stands between. */
  readonly nameServer: string;
  readonly broker: string;
  readonly flavour: Flavour;
  /** How long to wait for what must come. Clients rebalance by themselves every 20 s. */
  readonly patienceMs: number;
}

/** Clients that talk to the target itself. */
export function directly(target: Target, flavour: Flavour): World {
  const { nameServer, broker } = target;
  return { target, flavour, nameServer, broker, patienceMs: 90_000 };
}

export interface Scenario {
  /** A sentence. */
  readonly name: string;
  /** What a client must be able to do. */
  readonly needs?: Ability;
  /** It stops the broker or keeps the machine busy: nothing may run beside it. */
  readonly isAlone?: boolean;
  /** Why the Java broker fails, where Holdfast differs on purpose; see docs/compatibility.md. */
  readonly notOnJava?: string;
  readonly run: (world: World) => Promise<void>;
}

/** A process of its own with a client in it. */
export function newClient(world: World): Client {
  return new Client(world);
}

let names = 0;

/** A topic or group that no other scenario uses. */
export function freshName(purpose: string): string {
  names += 1;
  return `${purpose}-${process.pid}-${names}`;
}
