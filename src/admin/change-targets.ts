/** Where the operations that change topics and groups go: their fields, and the brokers that have what is named. */
import type { Admin } from './admin.ts';
import { type Master, type MasterFilter, mastersToChange } from './cluster.ts';
import { fields } from './field-types.ts';
import { optional } from './operation.ts';
import type { Refusal } from './refusal.ts';

export const clusterField = optional(fields.text, 'Cluster (default: the only one).', {
  valueName: 'name',
  names: 'cluster',
});

export const brokerField = optional(fields.text, 'Only this broker group.', {
  valueName: 'name',
  names: 'broker',
});

export interface Having<Config> {
  readonly master: Master;
  readonly config: Config;
}

/** The masters on which `find` finds something, with what it found. Fails with `nowhere` when there are none. */
export async function mastersHaving<Config>(
  admin: Admin,
  filter: MasterFilter,
  find: (master: Master) => Promise<Config | undefined>,
  nowhere: Refusal,
): Promise<readonly Having<Config>[]> {
  const having: Having<Config>[] = [];
  for (const master of await mastersToChange(admin, filter)) {
    const config = await find(master);
    if (config !== undefined) having.push({ master, config });
  }
  if (having.length > 0) return having;
  throw nowhere;
}
