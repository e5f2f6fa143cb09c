import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MessageRequestMode, ResponseCode } from '../../../wire/index.ts';
import {
  createOrUpdateGroup,
  createOrUpdateTopic,
  defaultGroup,
  deleteGroup,
  deleteTopic,
  MetadataTables,
  setRequestMode,
} from '../index.ts';
import { MemoryKeyValue, persist, settings, TestLog, topicConfig } from '../test-tables.ts';

const pull = (consumerGroup: string, topic: string): MessageRequestMode => ({
  consumerGroup,
  topic,
  mode: 'PULL',
  popShareQueueNum: 0,
});

function tablesWith(topics: readonly string[], groups: readonly string[]): TestLog {
  const log = new TestLog();
  for (const name of topics) {
    log.run(createOrUpdateTopic(log.tables.appended, topicConfig(name), settings));
  }
  for (const name of groups) log.run(createOrUpdateGroup(log.tables.appended, defaultGroup(name)));
  return log;
}

test('a request mode is kept by group and topic, and the last one counts', () => {
  const log = tablesWith(['t'], ['g', 'other']);
  log.run(setRequestMode(log.tables.appended, pull('g', 't')));
  const pop = { ...pull('g', 't'), mode: 'POP', popShareQueueNum: 3 } as const;
  log.run(setRequestMode(log.tables.appended, pop));
  assert.deepEqual(log.tables.appended.requestMode('g', 't'), pop);
  assert.equal(log.tables.appended.requestMode('other', 't'), undefined);
  assert.deepEqual(setRequestMode(log.tables.appended, pop), { unchanged: true });
});

test('a retry topic, an unknown topic and an unknown group have no request mode', () => {
  const log = tablesWith(['t'], ['g']);
  const code = (group: string, topic: string) => {
    const decision = setRequestMode(log.tables.appended, pull(group, topic));
    return 'refused' in decision ? decision.refused.code : 0;
  };
  assert.equal(code('g', '%RETRY%g'), ResponseCode.NO_PERMISSION);
  assert.equal(code('g', 'unknown'), ResponseCode.TOPIC_NOT_EXIST);
  assert.equal(code('unknown', 't'), ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST);
});

test('a deleted topic or group takes its request modes along, and no others', () => {
  const log = tablesWith(['t', 'not-t', 'u'], ['g', 'g2']);
  for (const group of ['g', 'g2']) {
    for (const topic of ['t', 'not-t', 'u']) {
      log.run(setRequestMode(log.tables.appended, pull(group, topic)));
    }
  }
  log.run(deleteTopic(log.tables.appended, 't', settings));
  log.run(deleteGroup(log.tables.appended, 'g'));
  const left = ['g', 'g2'].flatMap((group) =>
    ['t', 'not-t', 'u'].filter((topic) => log.tables.appended.requestMode(group, topic)),
  );
  assert.deepEqual(left, ['not-t', 'u']);
});

test('request modes are found again in the database', async () => {
  const log = tablesWith(['t'], ['g']);
  log.run(setRequestMode(log.tables.appended, pull('g', 't')));
  log.applyAll();
  const database = new MemoryKeyValue();
  await persist(log.tables, database);
  const loaded = await MetadataTables.load(database);
  assert.deepEqual(loaded?.applied.requestMode('g', 't'), pull('g', 't'));
});
