import {
  DeleteSubscriptionGroup,
  RequestCode,
  ResponseCode,
  type Writable,
  writeFastjson,
} from '../wire/index.ts';
import type { Admin } from './admin.ts';
import { brokerField, clusterField, type Having, mastersHaving } from './change-targets.ts';
import { type Master, type MasterFilter, mastersToChange, onEach } from './cluster.ts';
import { fields } from './field-types.ts';
import { GroupOnBroker, groupConfigOn, readGroup } from './groups.ts';
import type { JsonReader } from './json-reader.ts';
import { type InputOf, many, one, operation, optional } from './operation.ts';
import { type Change, differences } from './preview.ts';
import { Refusal } from './refusal.ts';
import * as shape from './shape.ts';

const GroupResult = shape.record({ group: shape.text, brokers: shape.list(GroupOnBroker) });
export type GroupResult = shape.ShapeOf<typeof GroupResult>;

/** RocketMQ's defaults. Source: `SubscriptionGroupConfig`. */
const settings = (isNew: boolean) => {
  const unset = (value: string) => (isNew ? ` (default: ${value})` : '');
  const flagValue = { valueName: 'true|false' };
  return {
    consume: optional(fields.boolean, `Whether it may consume${unset('true')}.`, flagValue),
    broadcast: optional(
      fields.boolean,
      `Whether it may consume by broadcast${unset('true')}.`,
      flagValue,
    ),
    fromMin: optional(
      fields.boolean,
      `Whether it may begin at the oldest message${unset('true')}.`,
      flagValue,
    ),
    orderly: optional(fields.boolean, `Whether it consumes in order${unset('false')}.`, flagValue),
    retryQueues: optional(fields.natural, `Queues of its retry topic${unset('1')}.`, {
      valueName: 'n',
    }),
    retryMaxTimes: optional(fields.natural, `Deliveries before a message is dead${unset('16')}.`, {
      valueName: 'n',
    }),
    consumeTimeout: optional(fields.natural, `Minutes to consume a message${unset('15')}.`, {
      valueName: 'minutes',
    }),
    notifyChanges: optional(
      fields.boolean,
      `Whether consumers are told when others come or go${unset('true')}.`,
      flagValue,
    ),
    attribute: many(fields.attribute, 'Attribute.', { valueName: 'key=value' }),
    cluster: clusterField,
    broker: brokerField,
  };
};

const creationFields = {
  group: one(fields.text, 'Name of the group.', { positional: true }),
  ...settings(true),
};

const editFields = {
  group: one(fields.text, 'Name of the group.', { positional: true, names: 'group' }),
  ...settings(false),
  removeAttribute: many(fields.text, 'Attribute to remove.', { valueName: 'key' }),
};

const requests = [
  'GET_BROKER_CLUSTER_INFO',
  'GET_ALL_SUBSCRIPTIONGROUP_CONFIG',
  'UPDATE_AND_CREATE_SUBSCRIPTIONGROUP',
] as const;

export const createGroup = operation({
  name: 'group create',
  summary: 'Create a consumer group; one that exists with the given settings is left as it is.',
  effect: 'change',
  requests,
  fields: creationFields,
  output: GroupResult,
  preview: async (admin, input) => previewOf(input.group, await planCreation(admin, input)),
  run: async (admin, input) => carryOut(admin, input.group, await planCreation(admin, input)),
});

export const editGroup = operation({
  name: 'group edit',
  summary: 'Change the given settings of a consumer group.',
  effect: 'change',
  requests,
  fields: editFields,
  output: GroupResult,
  preview: async (admin, input) => previewOf(input.group, await planEdit(admin, input)),
  run: async (admin, input) => carryOut(admin, input.group, await planEdit(admin, input)),
});

type Settings = Readonly<Record<string, string>>;

interface Step {
  readonly master: Master;
  readonly present: JsonReader | undefined;
  readonly before: Settings | undefined;
  readonly after: Settings;
  /** All of the configuration, for the request replaces what it does not name. */
  readonly config: Readonly<Record<string, Writable>>;
}

async function planCreation(
  admin: Admin,
  input: InputOf<typeof creationFields>,
): Promise<readonly Step[]> {
  const steps: Step[] = [];
  for (const master of await mastersToChange(admin, input)) {
    const present = await groupConfigOn(admin, master, input.group);
    const step = stepOf(master, present, { ...input, removeAttribute: [] });
    const [difference] = present === undefined ? [] : changesOf(input.group, step);
    if (difference !== undefined) {
      const { where, what, before, after } = difference;
      const remark = `${where}: ${what} is ${before ?? 'not set'}, not ${after}; use group edit`;
      throw new Refusal(ResponseCode.INVALID_PARAMETER, remark);
    }
    steps.push(step);
  }
  return steps;
}

async function planEdit(admin: Admin, input: InputOf<typeof editFields>): Promise<readonly Step[]> {
  const having = await groupsOn(admin, input, '; use group create');
  return having.map(({ master, config }) => stepOf(master, config, input));
}

function stepOf(
  master: Master,
  present: JsonReader | undefined,
  input: InputOf<typeof editFields>,
): Step {
  const given: Readonly<Record<string, Writable | undefined>> = {
    consumeEnable: input.consume,
    consumeBroadcastEnable: input.broadcast,
    consumeFromMinEnable: input.fromMin,
    consumeMessageOrderly: input.orderly,
    retryQueueNums: input.retryQueues,
    retryMaxTimes: input.retryMaxTimes,
    consumeTimeoutMinute: input.consumeTimeout,
    notifyConsumerIdsChangedEnable: input.notifyChanges,
  };
  const before = present && settingsOf(readGroup(present, master.name));
  const after: Record<string, string> = { ...(before ?? newSettings) };
  const config: Record<string, Writable> = { ...(present?.raw() ?? { groupName: input.group }) };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    config[name] = value;
    after[name] = String(value);
  }
  // `+` and `-` before the name of an attribute mean set and remove.
  const attributes: Record<string, string> = {};
  for (const [key, value] of input.attribute) {
    attributes[`+${key}`] = value;
    after[key] = value;
  }
  for (const key of input.removeAttribute) {
    attributes[`-${key}`] = '';
    delete after[key];
  }
  config['attributes'] = attributes;
  return { master, present, before, after, config };
}

function settingsOf(group: GroupOnBroker): Settings {
  return {
    consumeEnable: String(group.consumeEnable),
    consumeBroadcastEnable: String(group.broadcastEnable),
    consumeFromMinEnable: String(group.fromMinEnable),
    consumeMessageOrderly: String(group.orderly),
    retryQueueNums: String(group.retryQueues),
    retryMaxTimes: String(group.retryMaxTimes),
    consumeTimeoutMinute: String(group.consumeTimeoutMinutes),
    notifyConsumerIdsChangedEnable: String(group.notifyChanges),
    ...group.attributes,
  };
}

const newSettings: Settings = {
  consumeEnable: 'true',
  consumeBroadcastEnable: 'true',
  consumeFromMinEnable: 'true',
  consumeMessageOrderly: 'false',
  retryQueueNums: '1',
  retryMaxTimes: '16',
  consumeTimeoutMinute: '15',
  notifyConsumerIdsChangedEnable: 'true',
};

const changesOf = (group: string, { master, before, after }: Step): readonly Change[] =>
  differences(master.name, `group ${group}`, before, after);

const previewOf = (group: string, steps: readonly Step[]): readonly Change[] =>
  steps.flatMap((step) => changesOf(group, step));

/** Does what differs, and reads all of it back. */
async function carryOut(admin: Admin, group: string, steps: readonly Step[]): Promise<GroupResult> {
  const byName = new Map(steps.map((step) => [step.master.name, step]));
  const brokers = await onEach(
    steps.map(({ master }) => master),
    async (master) => {
      const step = byName.get(master.name);
      if (step !== undefined && changesOf(group, step).length > 0) {
        await admin.call(master.address, {
          code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
          body: new TextEncoder().encode(writeFastjson(step.config)),
        });
      }
      const written = await groupConfigOn(admin, master, group);
      if (written !== undefined) return readGroup(written, master.name);
      const remark = 'accepted, but not there when read back';
      throw new Refusal(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark);
    },
  );
  return { group, brokers };
}

const RemovedGroup = shape.record({ group: shape.text, brokers: shape.list(shape.text) });
export type RemovedGroup = shape.ShapeOf<typeof RemovedGroup>;

export const deleteGroup = operation({
  name: 'group rm',
  summary: 'Remove a consumer group with its offsets.',
  effect: 'destroy',
  requests: [
    'GET_BROKER_CLUSTER_INFO',
    'GET_ALL_SUBSCRIPTIONGROUP_CONFIG',
    'DELETE_SUBSCRIPTIONGROUP',
  ],
  fields: {
    group: one(fields.text, 'Name of the group.', { positional: true, names: 'group' }),
    cluster: clusterField,
  },
  output: RemovedGroup,
  async preview(admin, input) {
    return (await groupsOn(admin, input)).flatMap(({ master, config }) =>
      differences(
        master.name,
        `group ${input.group}`,
        settingsOf(readGroup(config, master.name)),
        undefined,
      ),
    );
  },
  async run(admin, input) {
    const { group } = input;
    const having = (await groupsOn(admin, input)).map(({ master }) => master);
    await onEach(having, async (master) => {
      await admin.call(master.address, {
        code: RequestCode.DELETE_SUBSCRIPTIONGROUP,
        header: [DeleteSubscriptionGroup, { groupName: group, cleanOffset: true }],
      });
      if ((await groupConfigOn(admin, master, group)) === undefined) return;
      throw new Refusal(ResponseCode.SYSTEM_ERROR, 'accepted, but still there when read back');
    });
    return { group, brokers: having.map(({ name }) => name) };
  },
});

const groupsOn = (
  admin: Admin,
  { group, ...filter }: MasterFilter & { readonly group: string },
  hint = '',
): Promise<readonly Having<JsonReader>[]> =>
  mastersHaving(
    admin,
    filter,
    (master) => groupConfigOn(admin, master, group),
    new Refusal(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `no group ${group}${hint}`),
  );
