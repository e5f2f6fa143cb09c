import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { request } from '../interop/support/frames.ts';
import { codes, success } from './failover/codes.ts';
import { isFaultless } from './failover/round.ts';
import { failover } from './failover/run.ts';

const limitMs = 180_000;

for (const { name, mode, scenario } of [
  { name: 'a failover', mode: 'controller', scenario: 'kill' },
  { name: 'a promotion by an operator', mode: 'static', scenario: 'promote' },
] as const) {
  test(`${name} loses nothing, and a topic that is deleted behind the back of the journal is seen to be lost`, {
    timeout: limitMs,
  }, async (t) => {
    let deleted = '';
    const [whole, robbed] = await failover({
      ...{ target: 'holdfast', mode, scenario, rounds: 2, seed: 7 },
      report: (line) => t.diagnostic(line),
      meddle: async ({ number, prefix }, { address }) => {
        if (number === 1) return;
        deleted = `${prefix}topic-4`; // Neither changed nor deleted by the round; it has four messages and an offset.
        const answer = await request(address, codes.deleteTopic, { topic: deleted });
        assert.equal(answer.header.code, success, answer.header.remark);
      },
    });
    assert(whole !== undefined && robbed !== undefined);
    assert(isFaultless(whole), JSON.stringify(whole));
    assert(whole.acknowledged.topics > 50 && whole.acknowledged.messages > 100);
    assert(!isFaultless(robbed));
    assert.deepEqual(robbed.missing, { topics: 1, groups: 0, offsets: 1, messages: 4 });
    assert.equal(robbed.replicaFaults, 0);
    assert(robbed.notes.some((note) => note.includes(`missing of topics: ${deleted}`)));
  });
}
