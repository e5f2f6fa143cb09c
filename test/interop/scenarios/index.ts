/** What official clients must see on a broker. */
import type { Scenario } from '../support/world.ts';
import { administration } from './administration.ts';
import { broadcasting } from './broadcasting.ts';
import { connecting } from './connecting.ts';
import { delaying } from './delaying.ts';
import { inspecting } from './inspecting.ts';
import { offsets } from './offsets.ts';
import { orderly } from './orderly.ts';
import { permissions } from './permissions.ts';
import { positions } from './positions.ts';
import { pulling } from './pulling.ts';
import { receiving } from './receiving.ts';
import { retrying } from './retrying.ts';
import { sending } from './sending.ts';
import { sharing } from './sharing.ts';
import { tracing } from './tracing.ts';

export const scenarios: readonly Scenario[] = [
  // The longest first, since they run side by side.
  ...orderly.toReversed(),
  ...retrying,
  ...sending,
  ...receiving,
  ...broadcasting,
  ...pulling,
  ...delaying,
  ...tracing,
  ...permissions,
  ...inspecting,
  ...connecting,
  ...sharing,
  ...offsets,
  ...positions,
  ...administration,
];
