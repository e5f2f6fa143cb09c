import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { Rates, ratesText, sumOfRatesText } from './rates.ts';

function counting(perSecond: readonly number[]): Rates {
  const rates = new Rates();
  let total = 0;
  for (const count of [0, ...perSecond]) {
    total += count;
    rates.sample(total);
  }
  return rates;
}

test('a rate that is not known yet is empty, as in RocketMQ', () => {
  assert.equal(ratesText(new Rates()), '  ');
  assert.equal(ratesText(counting(Array(10).fill(5))), '5.0  ');
  assert.equal(ratesText(counting(Array(60).fill(5))), '5.0 5.0 ');
});

test('each window counts its own seconds', () => {
  const rates = counting([...Array(590).fill(0), ...Array(10).fill(30)]);
  assert.equal(ratesText(rates), '30.0 5.0 0.5');
});

test('a sum of rates takes what is not known as none', () => {
  assert.equal(sumOfRatesText(counting(Array(60).fill(1.25)), new Rates()), '1.25 1.25 0.0');
});
