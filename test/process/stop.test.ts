import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../interop/support/frames.ts';
import { type TemporaryFolder, temporaryFolder } from '../interop/support/locations.ts';
import { startTarget, type Target } from '../interop/support/target.ts';
import { LoadGenerator, queueEnd, untilUnderLoad } from './load-generator.ts';

const limitMs = 180_000;
const loadMs = 700;
const pullMessage = 11;
const pullNotFound = 19;

let loadGenerator: LoadGenerator;
let folder: TemporaryFolder;
let target: Target;

before(
  async () => {
    loadGenerator = await LoadGenerator.build();
    folder = await temporaryFolder('stop');
    target = await startTarget({ settings: { flushDiskType: 'SYNC_FLUSH' } });
  },
  { timeout: limitMs },
);
after(async () => {
  await target?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

/** 0 where the status of the process can be seen. */
function assertCleanStatus(status: number | undefined): void {
  if (target.kind === 'holdfast') assert.equal(status, 0, 'exit status');
}

for (const signals of [1, 2]) {
  const title = `SIGTERM under load${signals === 1 ? '' : `, ${signals} times`}`;
  test(`${title}: status 0, and all that was acknowledged is there afterwards`, {
    timeout: limitMs,
  }, async () => {
    const topic = `stop-${signals}`;
    const journals = {
      messages: join(folder.path, topic),
      topics: join(folder.path, `${topic}-t`),
    };
    const addressed = ['-a', target.broker];
    const loads = [
      loadGenerator.begin([
        'send',
        ...addressed,
        '-t',
        topic,
        '-s',
        '300',
        '-j',
        journals.messages,
      ]),
      loadGenerator.begin([
        ...['create-topics', ...addressed, '--prefix', `${topic}-`, '-j', journals.topics],
        ...['-c', '1', '-w', '1', '-r', '50'],
      ]),
    ];
    await untilUnderLoad(target.broker, topic);
    await sleep(loadMs);
    assertCleanStatus(await target.stop(signals));
    await target.start();
    await Promise.all(loads.map((load) => load.end()));
    const messages = await loadGenerator.verifyMessages(target.broker, journals.messages);
    assert.equal(messages.faults, 0, messages.text);
    assert.ok(messages.journal > 100, `${messages.journal} messages were acknowledged`);
    const topics = await loadGenerator.verifyTopics(target.broker, journals.topics);
    assert.equal(topics.faults, 0, topics.text);
    assert.ok(topics.journal > 0, `${topics.journal} topics were acknowledged`);
  });
}

test('SIGTERM answers the pulls that wait, and ends long before they would', {
  timeout: limitMs,
}, async () => {
  const topic = 'stop-1';
  const queueOffset = String(await queueEnd(target.broker, topic));
  const pulled = request(target.broker, pullMessage, {
    ...{
      consumerGroup: 'loadgen',
      topic,
      queueId: '0',
      queueOffset,
      maxMsgNums: '32',
      sysFlag: '6',
    },
    ...{ commitOffset: '0', suspendTimeoutMillis: '60000', subscription: '*', subVersion: '0' },
    ...{ expressionType: 'TAG' },
  }).then(({ header }) => header.code);
  const failed = pulled.catch((failure: unknown) => failure);
  await sleep(loadMs);
  const began = performance.now();
  assertCleanStatus(await target.stop());
  const answer = await failed;
  if (target.kind === 'holdfast') {
    assert.equal(answer, pullNotFound, 'code of the answer');
    assert.ok(performance.now() - began < 5000, 'time of the stop');
  }
  await target.start();
});
