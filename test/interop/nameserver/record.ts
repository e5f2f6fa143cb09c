/**
 * Writes test/compat/nameserver/exchanges.json: the scenario as a Java name server answers it.
 *
 * usage: node build/test/interop/nameserver/record.js
 */
import { writeFileSync } from 'node:fs';
import { nodeNetwork } from '../../../src/node/index.ts';
import { type Exchange, play, scenario } from '../../compat/nameserver/scenario.ts';
import { freePorts } from '../support/processes.ts';
import { JavaLab } from './java-lab.ts';

await using lab = new JavaLab();
const port = await freePorts();
await lab.run(
  'start',
  'namesrv',
  '--name',
  'ns',
  '--port',
  String(port),
  '-o',
  'orderMessageEnable=true',
);
const responses = await play(nodeNetwork, { host: '127.0.0.1', port }, scenario);
const exchanges: Exchange[] = [];
for (const [index, request] of scenario.entries()) {
  const response = responses[index];
  if (response !== undefined) exchanges.push({ request, response });
}
writeFileSync(
  'test/compat/nameserver/exchanges.json',
  `[\n${exchanges.map((exchange) => JSON.stringify(exchange)).join(',\n')}\n]\n`,
);
