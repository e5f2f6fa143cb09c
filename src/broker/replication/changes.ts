/** Something may be another thing than before: whoever waits for that looks again. */
export class Changes {
  #waiting: (() => void)[] = [];

  noted(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  /** Resolves when the condition holds, which is looked at whenever a change was noted. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
