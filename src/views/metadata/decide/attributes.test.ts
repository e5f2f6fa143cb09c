import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Attributes,
  alterAttributes,
  groupAttributes,
  parseAttributeChanges,
  topicAttributes,
} from './attributes.ts';

/** A request's text on a topic with `current` attributes (undefined: a new one) gives attributes, or a refusal's text. */
function check(
  current: Record<string, string> | undefined,
  text: string,
  expected: Record<string, string> | string,
): void {
  const outcome = alter(current === undefined ? undefined : new Map(Object.entries(current)), text);
  assert.deepEqual(outcome, expected, text);
}

function alter(current: Attributes | undefined, text: string): Record<string, string> | string {
  const parsed = parseAttributeChanges(text);
  if ('refused' in parsed) return remarkOf(parsed.refused);
  const altered = alterAttributes(topicAttributes, current, parsed.changes);
  return 'refused' in altered ? remarkOf(altered.refused) : Object.fromEntries(altered.attributes);
}

function remarkOf({ code, remark }: { code: number; remark: string }): string {
  assert.equal(code, 1);
  return remark;
}

test('a new topic takes what the request adds, without the plus sign', () => {
  check(undefined, '', {});
  check(undefined, ',', {});
  check(undefined, '+message.type=FIFO,+reserve.time=5', {
    'message.type': 'FIFO',
    'reserve.time': '5',
  });
  check(undefined, '+message.type=FIFO,,', { 'message.type': 'FIFO' });
  check(undefined, '+queue.type=BatchCQ', { 'queue.type': 'BatchCQ' });
  check(undefined, '+cleanup.policy=COMPACTION', { 'cleanup.policy': 'COMPACTION' });
  check(undefined, '+lite.topic.expiration=5', { 'lite.topic.expiration': '5' });
  check(undefined, '+message.type=FIFO=X', { 'message.type': 'FIFO' });
});

// Requests and texts as seen on a Java 5.5.0 broker.
test('a new topic refuses what the Java broker refuses, in its words', () => {
  check(undefined, '+nope=1', 'unsupported key: nope');
  check(
    undefined,
    '-queue.type',
    'only add attribute is supported while creating topic. key: queue.type',
  );
  check(undefined, 'queue.type=SimpleCQ', 'add/alter attribute format is wrong: queue.type');
  check(undefined, '+queue.type=X', 'value is not in set: [SimpleCQ, BatchCQ]');
  check(undefined, '+message.type=FIFO,+message.type=DELAY', 'key duplication: +message.type');
  check(undefined, '+message.type=FIFO,-message.type', 'alter duplication key. key: message.type');
  check(undefined, '+reserve.time=abc', 'For input string: "abc"');
  check(undefined, '+reserve.time=9223372036854775808', 'For input string: "9223372036854775808"');
  check(undefined, '+reserve.time=-5', 'value is not in range(-1, 9223372036854775807)');
  check(undefined, '+lite.topic.expiration=43201', 'value is not in range(-1, 43200)');
  check(undefined, '+', 'delete attribute format is wrong: +');
  check(undefined, '+message.type', 'delete attribute format is wrong: +message.type');
  check(undefined, '+message.type=', 'add/alter attribute format is wrong: +message.type');
  check(undefined, '++message.type=FIFO', 'kv string format wrong.');
  check(undefined, ' +message.type=FIFO', 'kv string format wrong.');
  check(undefined, '+message-type=FIFO', 'kv string format wrong.');
  check(undefined, '+__proto__=1', 'unsupported key: __proto__');
  check(undefined, '+constructor=1', 'unsupported key: constructor');
});

const current = { 'message.type': 'FIFO', 'cleanup.policy': 'DELETE', 'queue.type': 'SimpleCQ' };

test('an update sets, replaces and removes, and leaves the rest', () => {
  check(current, '', current);
  check(current, '+message.type=DELAY', { ...current, 'message.type': 'DELAY' });
  check(current, '+reserve.time=-1', { ...current, 'reserve.time': '-1' });
  check(current, '-message.type', { 'cleanup.policy': 'DELETE', 'queue.type': 'SimpleCQ' });
  check(current, '-message.type,+reserve.time=7', {
    'cleanup.policy': 'DELETE',
    'queue.type': 'SimpleCQ',
    'reserve.time': '7',
  });
});

test('an update refuses what the Java broker refuses, in its words', () => {
  check(current, '-reserve.time', 'attempt to delete a nonexistent key: reserve.time');
  check(current, '-nope', 'attempt to delete a nonexistent key: nope');
  check(current, '+nope=1', 'unsupported key: nope');
  check(
    current,
    '-cleanup.policy',
    'attempt to update an unchangeable attribute. key: cleanup.policy',
  );
  check(
    current,
    '+cleanup.policy=COMPACTION',
    'attempt to update an unchangeable attribute. key: cleanup.policy',
  );
  check(current, '-queue.type', 'attempt to update an unchangeable attribute. key: queue.type');
  check({}, '+queue.type=SimpleCQ', 'attempt to update an unchangeable attribute. key: queue.type');
  check(current, 'message.type=FIFO', 'add/alter attribute format is wrong: message.type');
  check(current, '-message.type=FIFO', 'add/alter attribute format is wrong: -message.type');
  check(
    current,
    '-reserve.time,+reserve.time=5',
    'attempt to delete a nonexistent key: reserve.time',
  );
  check(current, '-message.type,+message.type=DELAY', 'alter duplication key. key: message.type');
});

test('a create that is repeated with its unchangeable attributes is no error', () => {
  check(current, '+cleanup.policy=DELETE,+queue.type=SimpleCQ,+message.type=FIFO', current);
});

test('stored attributes, without a prefix, are never taken for a change set', () => {
  const altered = alterAttributes(topicAttributes, new Map(), new Map([['message.type', 'FIFO']]));
  assert.ok('refused' in altered);
  assert.equal(altered.refused.remark, 'wrong format key: essage.type');
});

test('attributes of groups have their own rules', () => {
  const set = (key: string, value: string): unknown => {
    const altered = alterAttributes(groupAttributes, new Map(), new Map([[`+${key}`, value]]));
    return 'refused' in altered ? altered.refused.remark : Object.fromEntries(altered.attributes);
  };
  assert.deepEqual(set('priority.factor', '50'), { 'priority.factor': '50' });
  assert.equal(set('priority.factor', '101'), 'value is not in range(0, 100)');
  assert.equal(set('lite.sub.reset.offset.exclusive', 'yes'), 'boolean attribute format is wrong.');
  assert.deepEqual(set('lite.sub.reset.offset.exclusive', 'true'), {
    'lite.sub.reset.offset.exclusive': 'true',
  });
  assert.deepEqual(set('lite.bind.topic', ''), { 'lite.bind.topic': '' });
  assert.equal(set('lite.sub.model', 'None'), 'value is not in set: [Shared, Exclusive]');
  assert.equal(set('message.type', 'FIFO'), 'unsupported key: message.type');
});
