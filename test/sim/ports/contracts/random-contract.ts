import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Random } from '../../../../src/base/index.ts';

export function randomContract(name: string, random: Random): void {
  test(`${name}: integers stay below their bound and take each value`, () => {
    const seen = new Set<number>();
    for (let draw = 0; draw < 500; draw++) {
      const value = random.below(5);
      assert.ok(Number.isInteger(value) && value >= 0 && value < 5);
      seen.add(value);
    }
    assert.equal(seen.size, 5);
    assert.equal(random.below(1), 0);
  });

  test(`${name}: the largest bound gives large integers`, () => {
    const values = Array.from({ length: 64 }, () => random.below(2 ** 32));
    assert.ok(values.every((value) => Number.isInteger(value) && value < 2 ** 32));
    assert.ok(values.some((value) => value > 2 ** 31));
  });

  test(`${name}: bytes have the length asked for and are fresh`, () => {
    const bytes = random.bytes(32);
    assert.equal(bytes.length, 32);
    assert.notDeepEqual(bytes, random.bytes(32));
    assert.equal(random.bytes(0).length, 0);
  });
}
