/** What is compared after a failover. A message is found by topic, queue and offset; an offset by group, topic and queue. */
export const kinds = ['topics', 'groups', 'offsets', 'messages'] as const;
export type Kind = (typeof kinds)[number];

/** What is stored under a key, as one comparable text; undefined where there is nothing. */
export type Content = string | undefined;
export type Counts = Readonly<Record<Kind, number>>;

interface Entry {
  /** As the newest acknowledged change left it; nothing before the first one. */
  acknowledged: Content;
  acknowledgedAtMs: number | undefined;
  /** Contents of later changes whose outcome is not known: any of them may be there. */
  possible: readonly Content[];
}

/** A change that was asked for. Without a call of `acknowledge` its outcome stays unknown. */
export interface Attempt {
  acknowledge(): void;
}

/**
 * What was asked for and what of it was acknowledged, per key. Changes of one key are made one after the other, so that an
 * acknowledged one rules out what was open before it.
 */
export class Journal {
  readonly #entries = new Map<Kind, Map<string, Entry>>(kinds.map((kind) => [kind, new Map()]));
  /** Bodies that were sent, each `TOPIC ...`; a message with no known outcome has no known offset either. */
  readonly #bodies = new Set<string>();
  readonly #positions = new Map<string, number>();
  readonly #acknowledged: Record<Kind, number> = { topics: 0, groups: 0, offsets: 0, messages: 0 };
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  attempt(kind: Kind, key: string, content: Content): Attempt {
    const entries = this.entries(kind);
    const entry = entries.get(key) ?? {
      acknowledged: undefined,
      acknowledgedAtMs: undefined,
      possible: [],
    };
    entries.set(key, entry);
    entry.possible = [...entry.possible, content];
    return {
      acknowledge: () => {
        entry.acknowledged = content;
        entry.acknowledgedAtMs = this.#now();
        entry.possible = [];
        this.#acknowledged[kind] += 1;
      },
    };
  }

  sent(body: string): void {
    this.#bodies.add(body);
  }

  /** An acknowledged deletion took all messages of the topic along: none of them may be seen again. */
  unsend(topic: string): void {
    for (const body of this.#bodies) if (body.startsWith(`${topic} `)) this.#bodies.delete(body);
  }

  wasSent(body: string): boolean {
    return this.#bodies.has(body);
  }

  /** `position` is that in the log, the same on all replicas. */
  stored(key: string, body: string, position: number): void {
    this.attempt('messages', key, body).acknowledge();
    this.#positions.set(key, position);
  }

  positionOf(key: string): number | undefined {
    return this.#positions.get(key);
  }

  /** A key about which nothing is claimed any more: with a topic go its messages and the offsets in it. */
  forget(kind: Kind, isMeant: (key: string) => boolean): void {
    const entries = this.entries(kind);
    for (const key of entries.keys()) if (isMeant(key)) entries.delete(key);
  }

  /** What was found is right from now on: a loss is counted once, in the round that saw it. */
  settle(kind: Kind, key: string, content: Content): void {
    const acknowledgedAtMs = this.#now();
    this.entries(kind).set(key, { acknowledged: content, acknowledgedAtMs, possible: [] });
  }

  entries(kind: Kind): Map<string, Entry> {
    return this.#entries.get(kind) as Map<string, Entry>; // Made for every kind.
  }

  keys(kind: Kind): string[] {
    return [...this.entries(kind).keys()];
  }

  /** Acknowledged changes so far. */
  get acknowledged(): Counts {
    return { ...this.#acknowledged };
  }
}

/** What a node holds: contents by key, only of keys that are there. */
export type Found = Readonly<Record<Kind, ReadonlyMap<string, string>>>;

export type FaultKind = 'missing' | 'stale' | 'returned';

export interface Fault {
  readonly fault: FaultKind;
  readonly kind: Kind;
  readonly key: string;
  readonly wanted: Content;
  readonly found: Content;
  /** When the change that is missing was acknowledged. */
  readonly acknowledgedAtMs: number | undefined;
}

/**
 * Missing: acknowledged and not there. Stale: there with a content that a later acknowledged change replaced, or that
 * nobody asked for. Returned: there, although its deletion was acknowledged or nobody ever asked for it.
 */
export function compare(journal: Journal, found: Found): readonly Fault[] {
  return kinds.flatMap((kind) => {
    const entries = journal.entries(kind);
    const known = [...entries].flatMap(([key, entry]): Fault[] => {
      const { acknowledged: wanted, acknowledgedAtMs, possible } = entry;
      const content = found[kind].get(key);
      if (content === wanted || possible.includes(content)) return [];
      const fault = content === undefined ? 'missing' : wanted === undefined ? 'returned' : 'stale';
      return [{ fault, kind, key, wanted, found: content, acknowledgedAtMs }];
    });
    const others = [...found[kind]].flatMap(([key, content]): Fault[] => {
      if (entries.has(key) || (kind === 'messages' && isOpen(journal, content))) return [];
      const nothing = { wanted: undefined, acknowledgedAtMs: undefined };
      return [{ fault: 'returned', kind, key, found: content, ...nothing }];
    });
    return [...known, ...others];
  });
}

/** A message that was sent, and acknowledged nowhere else. */
function isOpen(journal: Journal, body: string): boolean {
  if (!journal.wasSent(body)) return false;
  return ![...journal.entries('messages').values()].some((entry) => entry.acknowledged === body);
}
