/** Which subjects are in use: a topic by many sends, or by one deletion. Nobody waits; who finds one taken does something else. */
export class Locks {
  /** How many share it; -1: one has it alone. */
  readonly #taken = new Map<string, number>();

  /** Runs the action when none of the subjects stands in its way. Returns false when one does. */
  async with(
    subjects: { readonly shared?: readonly string[]; readonly alone?: readonly string[] },
    action: () => Promise<void>,
  ): Promise<boolean> {
    const { shared = [], alone = [] } = subjects;
    const isFree =
      shared.every((subject) => this.#count(subject) >= 0) &&
      alone.every((subject) => this.#count(subject) === 0);
    if (!isFree) return false;
    for (const subject of shared) this.#taken.set(subject, this.#count(subject) + 1);
    for (const subject of alone) this.#taken.set(subject, -1);
    try {
      await action();
    } finally {
      for (const subject of shared) this.#taken.set(subject, this.#count(subject) - 1);
      for (const subject of alone) this.#taken.delete(subject);
    }
    return true;
  }

  #count(subject: string): number {
    return this.#taken.get(subject) ?? 0;
  }
}
