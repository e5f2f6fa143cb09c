import { Failure, nearest, parseProperties } from '../base/index.ts';
import { RequestCode, ResponseCode } from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { chooseBroker, identityOf } from './brokers.ts';
import { type BrokerReplica, replicasOf } from './cluster.ts';
import { fields } from './field-types.ts';
import { many, operation, optional } from './operation.ts';
import { differences } from './preview.ts';
import { Refusal } from './refusal.ts';
import * as shape from './shape.ts';

const BrokerConfig = shape.record({
  cluster: shape.text,
  broker: shape.text,
  id: shape.integer,
  address: shape.text,
  settings: shape.dictionary,
});
export type BrokerConfig = shape.ShapeOf<typeof BrokerConfig>;

const brokerField = optional(
  fields.text,
  'Name of the broker group (its master is meant), or host:port (default: the only one).',
  { valueName: 'broker', names: 'broker' },
);

export const getBrokerConfig = operation({
  name: 'broker config get',
  summary: 'Show the configuration of a broker.',
  effect: 'read',
  requests: ['GET_BROKER_CLUSTER_INFO', 'GET_BROKER_CONFIG'],
  fields: {
    key: many(fields.text, 'Only these keys (default: all).', { positional: true }),
    broker: brokerField,
  },
  output: BrokerConfig,
  async run(admin, { key: keys, broker }) {
    const replica = chooseBroker(await replicasOf(admin), broker);
    const all = await settingsOf(admin, replica);
    if (keys.length > 0) mustKnow(all, keys);
    const shown = keys.length === 0 ? Object.keys(all).sort() : keys;
    const settings = Object.fromEntries(shown.map((key) => [key, all[key] ?? '']));
    return { ...identityOf(replica), settings };
  },
});

const assignments = many(fields.assignment, 'Key of RocketMQ with its new value.', {
  positional: true,
  valueName: 'key=value',
});

export const setBrokerConfig = operation({
  name: 'broker config set',
  summary: 'Change the configuration of a broker while it runs.',
  effect: 'change',
  requests: ['GET_BROKER_CLUSTER_INFO', 'GET_BROKER_CONFIG', 'UPDATE_BROKER_CONFIG'],
  fields: { setting: assignments, broker: brokerField },
  output: BrokerConfig,
  async preview(admin, { setting, broker }) {
    const replica = chooseBroker(await replicasOf(admin), broker);
    const before = await settingsOf(admin, replica);
    const after = wanted(before, setting);
    return differences(replica.name, '', pick(before, Object.keys(after)), after);
  },
  async run(admin, { setting, broker }) {
    const replica = chooseBroker(await replicasOf(admin), broker);
    const after = wanted(await settingsOf(admin, replica), setting);
    const lines = Object.entries(after).map(([key, value]) => `${key}=${escaped(value)}\n`);
    await admin.call(replica.address, {
      code: RequestCode.UPDATE_BROKER_CONFIG,
      body: new TextEncoder().encode(lines.join('')),
    });
    const settings = pick(await settingsOf(admin, replica), Object.keys(after));
    const kept = Object.keys(after).filter((key) => settings[key] !== after[key]);
    if (kept.length === 0) return { ...identityOf(replica), settings };
    const remark = kept.map((key) => `${key} is still ${settings[key] ?? 'not set'}`).join(', ');
    throw new Refusal(ResponseCode.INVALID_PARAMETER, `accepted, but ${remark} when read back`);
  },
});

type Settings = Readonly<Record<string, string>>;

function wanted(
  present: Settings,
  assigned: readonly (readonly [key: string, value: string])[],
): Settings {
  if (assigned.length === 0) throw new Failure('invalid', 'name a setting: key=value');
  const keys = assigned.map(([key]) => key);
  mustKnow(present, keys);
  return Object.fromEntries(assigned);
}

/** Brokers of RocketMQ ignore keys that they do not know. */
function mustKnow(present: Settings, keys: readonly string[]): void {
  const unknown = keys.filter((key) => present[key] === undefined);
  if (unknown.length === 0) return;
  const hints = unknown.map((key) => {
    const near = nearest(key, Object.keys(present));
    return near === undefined ? key : `${key} (did you mean ${near}?)`;
  });
  throw new Failure('invalid', `the broker has no setting ${hints.join(', ')}`);
}

const pick = (settings: Settings, keys: readonly string[]): Settings =>
  Object.fromEntries(keys.flatMap((key) => (key in settings ? [[key, settings[key] ?? '']] : [])));

export async function settingsOf(
  admin: Admin,
  { address }: Pick<BrokerReplica, 'address'>,
): Promise<Settings> {
  const response = await admin.call(address, { code: RequestCode.GET_BROKER_CONFIG });
  const { settings } = parseProperties(new TextDecoder().decode(response.body), 'the broker');
  return Object.fromEntries(settings.map(({ key, value }) => [key, value]));
}

/** As `java.util.Properties` reads it back. */
const escaped = (value: string): string =>
  value
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replace(/^ /, '\\ ');
