import { randomBytes, randomInt } from 'node:crypto';
import type { Random } from '../base/index.ts';

export const nodeRandom: Random = {
  below: (bound) => randomInt(bound),
  bytes: (count) => randomBytes(count),
};
