import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { tagFilterOf } from './tag-filter.ts';

test('an absent, empty or star expression wants everything', () => {
  for (const expression of [undefined, '', '*']) assert(tagFilterOf(expression).all);
});

test('a filter has the Java hash of each trimmed tag', () => {
  const filter = tagFilterOf(' TagA || TagC||标签 || ');
  assert(!filter.all);
  // 'TagA' is the test vector of storage-formats; '标签' = 26631 * 31 + 31614 in UTF-16 units.
  assert.deepEqual([...filter.codes], [2598919, 2598921, 26631 * 31 + 31614]);
});
