import { list, maybe, record, type Shape, type ShapeOf, text } from './shape.ts';

/** One thing that an operation would change. */
export const Change = record({
  /** A broker, or what else holds the thing. */
  where: text,
  what: text,
  /** As it is now; absent when it is not there. */
  before: maybe(text),
  /** As it would be; absent when it would be gone. */
  after: maybe(text),
});
export type Change = ShapeOf<typeof Change>;

export const changesShape: Shape<readonly Change[]> = list(Change);

/** The settings that differ. Without `before` it is all of `after`, and the other way round. */
export function differences(
  where: string,
  subject: string,
  before: Readonly<Record<string, string>> | undefined,
  after: Readonly<Record<string, string>> | undefined,
): readonly Change[] {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return names
    .map((name) => ({
      where,
      what: subject === '' ? name : `${subject} ${name}`,
      before: before?.[name],
      after: after?.[name],
    }))
    .filter((change) => change.before !== change.after);
}
