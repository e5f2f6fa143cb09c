import { after, before, describe, test } from 'node:test';
import type { Flavour } from './client.ts';
import type { FlavourSource } from './flavours.ts';
import { type TemporaryFolder, temporaryFolder } from './locations.ts';
import { startTarget, type Target, targetKind } from './target.ts';
import { directly, type Scenario } from './world.ts';

const startLimitMs = 300_000;
const scenarioLimitMs = 240_000;
/** Most scenarios wait most of the time. */
const concurrency = 3;

/** A test for each scenario that a client is able to, on one target that is started for them. */
export function runScenarios(
  { title, abilities, build }: FlavourSource,
  scenarios: readonly Scenario[],
): void {
  let folder: TemporaryFolder;
  let flavour: Flavour;
  let target: Target;
  before(
    async () => {
      folder = await temporaryFolder('interop');
      flavour = await build(folder.path);
      target = await startTarget();
    },
    { timeout: startLimitMs },
  );
  after(async () => {
    await target?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });
  const possible = scenarios.filter(
    ({ needs, notOnJava }) =>
      (needs === undefined || abilities.includes(needs)) &&
      (notOnJava === undefined || targetKind() !== 'java'),
  );
  inParts(title, possible, concurrency, ({ name, run }) =>
    test(name, { timeout: scenarioLimitMs }, () => run(directly(target, flavour))),
  );
}

/** First, at the same time, the tests of what may run beside others; then, one by one, those of what may not. */
export function inParts<T extends { readonly isAlone?: boolean }>(
  title: string,
  subjects: readonly T[],
  concurrency: number,
  define: (subject: T) => void,
): void {
  describe(`${title}, side by side`, { concurrency }, () => {
    for (const subject of subjects) if (subject.isAlone !== true) define(subject);
  });
  describe(`${title}, one by one`, () => {
    for (const subject of subjects) if (subject.isAlone === true) define(subject);
  });
}
