import { ensure } from '../broker/violation.ts';

/** How many queues a topic has, and its attributes; or that it is absent. */
export type Value = string;

/** A definition that one client changes, one request after the other. */
export interface Definition {
  /** What it must be. */
  value: Value;
  /** An answer was lost: it may be this too, and the request may still be on its way. Nothing more is asked of it. */
  alsoMaybe: Value | undefined;
}

/** What clients were promised, to be compared with what is there after any failures. */
export class Expectations {
  readonly topics = new Map<string, Definition>();
  readonly groups = new Map<string, Definition>();
  /** Acknowledged messages by topic, then by offset. */
  readonly messages = new Map<string, Map<number, string>>();
  /** Messages that somebody read, at whatever replica, likewise. */
  readonly read = new Map<string, Map<number, string>>();
  /** Highest acknowledged offset by group. */
  readonly offsets = new Map<string, number>();
  acknowledged = 0;
  compared = 0;

  sent(topic: string, offset: number, body: string): void {
    const known = this.messages.get(topic) ?? new Map<number, string>();
    ensure(!known.has(offset), 'P4', () => `${topic} ${offset} was acknowledged twice`);
    known.set(offset, body);
    this.messages.set(topic, known);
    this.acknowledged++;
  }

  /** What was read once was committed: it stays, and is the same for all. */
  found(topic: string, offset: number, body: string, where: string): void {
    const read = this.read.get(topic) ?? new Map<number, string>();
    const known = this.messages.get(topic)?.get(offset) ?? read.get(offset) ?? body;
    ensure(known === body, 'P4', () => `${topic} ${offset} is ${known}, but ${body} on ${where}`);
    read.set(offset, body);
    this.read.set(topic, read);
    this.compared++;
  }

  committed(group: string, offset: number): void {
    this.offsets.set(group, Math.max(this.offsets.get(group) ?? 0, offset));
    this.acknowledged++;
  }

  /** Something that nobody asked for, or that must be and is not, is a broken promise. */
  checkDefinition(what: string, expected: Definition, found: Value): void {
    const { value, alsoMaybe } = expected;
    const promise = value === 'absent' ? 'P2' : 'P1';
    this.compared++;
    ensure(
      found === value || found === alsoMaybe,
      promise,
      () =>
        `${what} must be ${value}${alsoMaybe === undefined ? '' : ` or ${alsoMaybe}`}, is ${found}`,
    );
  }

  /** `bodies` begin at `first`; older ones may have expired. */
  checkMessages(topic: string, bodies: readonly string[], first: number): void {
    for (const [what, messages] of [
      ['acknowledged', this.messages.get(topic)],
      ['read', this.read.get(topic)],
    ] as const) {
      for (const [offset, body] of messages ?? []) {
        if (offset < first) continue;
        this.compared++;
        const found = bodies[offset - first];
        ensure(
          found === body,
          'P4',
          () => `${topic} ${offset} was ${what} as ${body}, is ${found}`,
        );
      }
    }
  }
}
