import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimRandom } from '../sim/ports/index.ts';
import { accepts, decoders } from './decoders.ts';
import { mutated } from './mutate.ts';

const rounds = 2_000;
/** A property of CI, or one drawn anew for each run. */
const seed = process.env['HOLDFAST_PROPERTY_SEED'] ?? String(process.pid + Date.now());

for (const decoder of decoders) {
  test(`${decoder.name}: changed bytes are read or refused, and nothing else`, () => {
    let accepted = 0;
    for (let round = 0; round < rounds; round++) {
      const random = new SimRandom(`${seed}/${decoder.name}/${round}`);
      const bytes = mutated(random, decoder.corpus);
      try {
        if (accepts(decoder, bytes, random)) accepted++;
      } catch (error) {
        const hex = Buffer.from(bytes).toString('hex').slice(0, 4000);
        throw new Error(`seed ${seed}, round ${round}: ${hex}`, { cause: error });
      }
    }
    // A fuzzer whose input is always refused early, or never, tests little.
    assert(accepted > 0, 'all are refused');
    assert.equal(accepted === rounds, decoder.takesAll === true, `${accepted} of ${rounds}`);
  });

  test(`${decoder.name}: what it starts from is read`, () => {
    assert(decoder.corpus.length > 0);
    const random = new SimRandom(1);
    for (const bytes of decoder.corpus) {
      if (decoder.name === 'bodies of all requests and answers') continue;
      assert(accepts(decoder, bytes, random));
    }
  });
}
