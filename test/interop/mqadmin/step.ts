import type { Difference } from './differences.ts';

/** A command of mqadmin, which both brokers must answer alike. */
export interface Step {
  /** Arguments, separated by spaces. `{name}` stands for what the stage calls so; the name server is added. */
  readonly run: string;
  /** Repeated until the output matches: some changes reach a Java broker's other parts a little later. */
  readonly until?: RegExp;
  /** What differs from run to run, replaced by `<masked>` before the comparison, besides what always is. */
  readonly masks?: readonly RegExp[];
  /** The order of the lines has no meaning. */
  readonly sorted?: boolean;
  /** A file that the command writes, below the folder `{folder}`; it is compared too. */
  readonly writes?: string;
  /** What is different here for a good reason. */
  readonly differs?: readonly Difference[];
}
