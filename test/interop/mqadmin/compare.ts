import { strict as assert } from 'node:assert';
import type { TargetKind } from '../support/target.ts';
import type { Outcome } from './mqadmin.ts';
import type { Step } from './step.ts';

/** What differs from run to run on the same broker, in the order of replacement. */
const everywhere: readonly (readonly [RegExp, string])[] = [
  // Where in the tool an exception passed by says nothing about the broker.
  [/^\s+(at .*|\.\.\. \d+ (more|common frames omitted))\n/gm, ''],
  // Whether a consumer has committed on its empty retry topic yet is a matter of seconds.
  [/^%RETRY%.* 0 +0 +N\/A *\n/gm, ''],
  [/[0-9A-F]{56}(?![0-9A-F])/g, '<unique id>'],
  [/[0-9A-F]{32}(?![0-9A-F])/g, '<offset id>'],
  [/\b(\d{1,3}\.){3}\d{1,3}(?=@)/g, '<ip>'],
  [/\b(producer|consumer)-\d+-\d+\b/g, '$1'],
  [/\b127\.0\.0\.1:\d{4,5}\b/g, '<address>'],
  [/\b(\d{1,3}\.){3}\d{1,3}:\d{4,5}\b/g, '<address>'],
  [/\b\d{4}-\d\d-\d\d[ T#]\d\d:\d\d:\d\d([.,:]\d{1,3})?/g, '<time>'],
  [/\b\d{8}\d{6}\d{3}\b/g, '<time>'],
  [/\b1\d{12}\b/g, '<time>'],
  [/\bspentTimeMills=\d+/g, 'spentTimeMills=<time>'],
  [/^Consume TPS: .*$/gm, 'Consume TPS: <rate>'],
  [/(?<=@)\d+ *$/gm, '<position>'],
  [/\b(physicOffset|commitLogOffset|CommitLog Offset:?)[= ]+\d+/g, '$1=<position>'],
];

/** The parts of an outcome that are compared. */
export function readable(outcome: Outcome, step: Step, kind: TargetKind): string {
  let text = `${outcome.out}\n--- errors\n${outcome.err}`;
  for (const [pattern, replacement] of everywhere) text = text.replace(pattern, replacement);
  for (const pattern of step.masks ?? []) text = text.replace(pattern, '<masked>');
  for (const { name, java, holdfast } of step.differs ?? []) {
    const pattern = kind === 'java' ? java : holdfast;
    const isThere = text.search(pattern) >= 0;
    assert.ok(isThere, `${step.run}: the difference "${name}" is gone on ${kind}:\n${text}`);
    text = text.replace(pattern, '');
  }
  let lines = text
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' ').trim()) // Columns are as wide as what was masked.
    .filter((line) => line !== '');
  if (step.sorted === true) lines = lines.sort();
  return [`exit status ${outcome.status}`, ...lines].join('\n');
}

/** Both brokers made the command do and print the same. */
export function assertAlike(step: Step, java: Outcome, holdfast: Outcome): void {
  assert.equal(readable(holdfast, step, 'holdfast'), readable(java, step, 'java'), step.run);
}
