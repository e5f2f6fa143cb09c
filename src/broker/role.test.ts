import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { RequestCode, ResponseCode } from '../wire/index.ts';
import { decideByRole, type Role } from './role.ts';

const master = { address: '10.0.0.1:10911' };

test('the master serves all', () => {
  for (const code of Object.values(RequestCode)) {
    assert.equal(decideByRole('servingMaster', code), 'serve');
  }
});

test('a slave changes nothing, and says where the master is', () => {
  for (const code of [
    RequestCode.UPDATE_AND_CREATE_TOPIC,
    RequestCode.DELETE_TOPIC_IN_BROKER,
    RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
    RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
  ]) {
    const decision = decideByRole('slave', code, master);
    assert(typeof decision === 'object');
    assert.equal(decision.code, ResponseCode.SYSTEM_ERROR);
    assert.match(decision.remark, /the master is 10\.0\.0\.1:10911/);
  }
  const send = decideByRole('slave', RequestCode.SEND_MESSAGE_V2, master);
  assert(typeof send === 'object');
  assert.equal(send.code, ResponseCode.SERVICE_NOT_AVAILABLE);
});

test('a former master hands on what is the master’s, once it knows one', () => {
  const codes = [
    RequestCode.SEND_MESSAGE_V2,
    RequestCode.PULL_MESSAGE,
    RequestCode.QUERY_CONSUMER_OFFSET,
    RequestCode.UPDATE_CONSUMER_OFFSET,
    RequestCode.LOCK_BATCH_MQ,
    RequestCode.UPDATE_AND_CREATE_TOPIC,
  ];
  for (const code of codes) {
    assert.equal(decideByRole('formerMaster', code, master), 'forward');
    assert.notEqual(decideByRole('formerMaster', code), 'forward');
  }
});

test('a replica serves readers; without a master it also tells places and progress', () => {
  const places = [
    RequestCode.QUERY_CONSUMER_OFFSET,
    RequestCode.GET_MAX_OFFSET,
    RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
    RequestCode.GET_CONSUMER_LIST_BY_GROUP,
  ];
  for (const known of [master, { address: undefined }, undefined]) {
    assert.equal(decideByRole('slave', RequestCode.PULL_MESSAGE, known), 'serve');
    assert.equal(decideByRole('slave', RequestCode.HEART_BEAT, known), 'session');
    for (const code of places) {
      const decision = decideByRole('slave', code, known);
      if (known === undefined) assert.equal(decision, 'serve');
      else assert.equal(typeof decision, 'object');
    }
  }
  assert.equal(decideByRole('formerMaster', RequestCode.PULL_MESSAGE), 'serve');
});

test('progress goes to the master, if it is there and can be reached', () => {
  const commit = RequestCode.UPDATE_CONSUMER_OFFSET;
  assert.equal(decideByRole('slave', commit, master), 'forward');
  for (const known of [{ address: undefined }, undefined]) {
    const decision = decideByRole('slave', commit, known);
    assert(typeof decision === 'object');
    assert.equal(decision.code, ResponseCode.SYSTEM_ERROR);
  }
});

test('tools read from every replica', () => {
  for (const role of ['slave', 'formerMaster'] satisfies Role[]) {
    assert.equal(decideByRole(role, RequestCode.GET_ALL_TOPIC_CONFIG, master), 'serve');
    assert.equal(decideByRole(role, RequestCode.GET_BROKER_RUNTIME_INFO, master), 'serve');
  }
});

test('a node that starts holds what can wait and refuses the rest as unavailable', () => {
  for (const role of ['waiting', 'becomingMaster'] satisfies Role[]) {
    assert.equal(decideByRole(role, RequestCode.PULL_MESSAGE), 'hold');
    assert.equal(decideByRole(role, RequestCode.HEART_BEAT), 'hold');
    const query = decideByRole(role, RequestCode.QUERY_CONSUMER_OFFSET);
    assert(typeof query === 'object');
    assert.equal(query.code, ResponseCode.SYSTEM_ERROR);
  }
});
