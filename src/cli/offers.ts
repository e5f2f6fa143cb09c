import type { Command } from 'commander';

type AskWords = () => Promise<readonly string[]>;

const offers = new WeakMap<Command, AskWords>();

/** What completion offers as the argument of a command that is no operation; none when nobody can tell. */
export function offer(command: Command, words: AskWords): void {
  offers.set(command, words);
}

export const offeredBy = (command: Command): AskWords | undefined => offers.get(command);
