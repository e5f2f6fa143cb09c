import { strict as assert } from 'node:assert';
import { BreakingRelay, type Sabotage } from '../breaking-relay.ts';
import { findsLess, swapsMessages } from '../sabotages.ts';
import type { Frame } from '../support/frames.ts';
import { assertAlike } from './compare.ts';
import type { Stage } from './stage.ts';
import type { Step } from './step.ts';

/** Changes the body of the answers to one kind of request. */
function rewrites(
  name: string,
  code: number,
  pattern: RegExp,
  replacement: string | ((found: string, number: string) => string),
): Sabotage {
  return inAnswers(name, code, (answer) => {
    const text = Buffer.from(answer.body).toString();
    return { ...answer, body: Buffer.from(text.replace(pattern, replacement as string)) };
  });
}

function inAnswers(name: string, code: number, damage: (answer: Frame) => Frame): Sabotage {
  return {
    name,
    onResponse: (answer, { header }) => (header.code === code ? damage(answer) : answer),
  };
}

const answersWith = (name: string, request: number, code: number): Sabotage =>
  inAnswers(name, request, (answer) => ({
    ...answer,
    header: { ...answer.header, code, remark: answer.header.remark ?? 'refused' },
  }));

const oneMore = (found: string, number: string): string =>
  found.replace(number, String(Number(number) + 1));

/** Commands whose comparison must notice what a broker does wrong. */
export const proofs: readonly (readonly [Step, Sabotage])[] = [
  [
    { run: 'topicRoute -t Prepared' },
    rewrites('tells another permission', 105, /"perm":6/, '"perm":4'),
  ],
  [
    { run: 'topicStatus -t Prepared' },
    rewrites('counts one message more', 202, /"maxOffset":(\d+)/, oneMore),
  ],
  [{ run: 'topicList', sorted: true }, rewrites('hides a topic', 206, /"Prepared",?/, '')],
  [{ run: 'updateTopic -b {broker} -t Prepared -r 2 -w 2' }, answersWith('fails', 17, 1)],
  [
    { run: 'updateTopic -b {broker} -t illegal!name' },
    answersWith('refuses with another code', 17, 1),
  ],
  [{ run: 'updateTopic -b {broker} -t illegal!name' }, answersWith('accepts what is wrong', 17, 0)],
  [
    { run: 'consumerProgress -g PreparedGroup' },
    rewrites('tells another offset', 208, /"consumerOffset":(\d+)/, oneMore),
  ],
  [
    { run: 'producerConnection -g PreparedProducers -t Prepared' },
    rewrites('tells another language', 204, /"language":"JAVA"/, '"language":"GO"'),
  ],
  [{ run: 'queryMsgByKey -t Prepared -k one' }, findsLess()],
  [{ run: 'printMsg -t Prepared -d true' }, swapsMessages()],
  [
    { run: 'getBrokerConfig -b {broker}', sorted: true },
    rewrites('tells another size', 26, /maxMessageSize=\d+/, 'maxMessageSize=1'),
  ],
  [
    { run: 'getNamesrvConfig', sorted: true },
    rewrites('tells another setting', 319, /clusterTest=false/, 'clusterTest=true'),
  ],
];

/** Behind a relay that damages nothing, all that the proofs run is alike. */
export async function assertIntact(stage: Stage): Promise<void> {
  await using relay = await BreakingRelay.start(stage.target, { name: 'nothing' });
  for (const [step] of proofs) {
    assertAlike(step, await stage.run(step), await stage.run(step, relay));
  }
}

export async function assertNoticed(stage: Stage, step: Step, sabotage: Sabotage): Promise<void> {
  await using relay = await BreakingRelay.start(stage.target, sabotage);
  const [direct, damaged] = [await stage.run(step), await stage.run(step, relay)];
  assert.throws(() => assertAlike(step, direct, damaged), { code: 'ERR_ASSERTION' });
}
