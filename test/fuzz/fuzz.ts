import { parseArgs } from 'node:util';
import { SimRandom } from '../sim/ports/index.ts';
import { fuzzBroker } from './broker.ts';
import { accepts, decoders } from './decoders.ts';
import { mutated } from './mutate.ts';

const usage = `usage: npm run fuzz -- [--seconds N] [--seed TEXT] [--only decoders|broker]

Feeds changed frames, bodies and records to every decoder, and to a whole broker in the simulator.
  --seconds N   for so long (60)
  --seed TEXT   decides all of it; drawn anew without
  --only WHAT   only the decoders, or only brokers`;

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(process.pid + Date.now()) },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

/** Inputs of one decoder, or strangers of one broker, between looks at the clock. */
const inputsPerTurn = 200;
const strangersPerTurn = 25;

async function main(): Promise<number> {
  if (options.help) {
    console.log(usage);
    return 0;
  }
  const { seed, only } = options;
  console.log(`seed ${seed}`);
  const endMs = performance.now() + Number(options.seconds) * 1000;
  const counts = new Map<string, { inputs: number; accepted: number }>();
  for (let turn = 0; turn === 0 || performance.now() < endMs; turn++) {
    if (only !== 'broker') {
      for (const decoder of decoders) {
        const count = counts.get(decoder.name) ?? { inputs: 0, accepted: 0 };
        counts.set(decoder.name, count);
        for (let input = 0; input < inputsPerTurn; input++) {
          const random = new SimRandom(`${seed}/${decoder.name}/${turn}/${input}`);
          const bytes = mutated(random, decoder.corpus);
          try {
            if (accepts(decoder, bytes, random)) count.accepted++;
          } catch (error) {
            console.error(`${decoder.name}: ${Buffer.from(bytes).toString('hex')}`, error);
            return 1;
          }
          count.inputs++;
        }
      }
    }
    if (only !== 'decoders') {
      const count = counts.get('brokers') ?? { inputs: 0, accepted: 0 };
      counts.set('brokers', count);
      const brokerSeed = `${seed}/broker/${turn}`;
      try {
        const report = await fuzzBroker(new SimRandom(brokerSeed), strangersPerTurn);
        count.inputs += report.connections;
        count.accepted += report.connections - report.closed;
      } catch (error) {
        console.error(`broker with seed ${brokerSeed}`, error);
        return 1;
      }
    }
  }
  for (const [name, { inputs, accepted }] of counts) {
    console.log(`${name}: ${inputs} inputs, ${inputs - accepted} refused`);
  }
  return 0;
}

process.exitCode = await main();
