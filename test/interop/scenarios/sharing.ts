import { assertNothingLost, Load } from '../support/load.ts';
import { freshName, newClient, type Scenario, type World } from '../support/world.ts';

export const sharing: readonly Scenario[] = [
  {
    name: 'consumers of a group join, leave and are killed while a producer sends: nothing is lost',
    isAlone: true,
    run: (world) => share(world, {}),
  },
  {
    name: 'the same with consumers whose queues the broker assigns',
    isAlone: true,
    needs: 'assigned queues',
    run: (world) => share(world, { assigned: true }),
  },
];

async function share(world: World, options: { readonly assigned?: boolean }): Promise<void> {
  await using producing = newClient(world);
  await using firstProcess = newClient(world);
  await using secondProcess = newClient(world);
  await using thirdProcess = newClient(world);
  const topic = freshName('shared');
  const subscription = { topic, group: freshName('group'), ...options };
  const producer = await producing.startProducer(freshName('producers'));
  await using load = await Load.begin(producer, topic, world);

  const first = await firstProcess.startConsumer(subscription);
  await load.untilShared([first]);
  const second = await secondProcess.startConsumer(subscription);
  await load.untilShared([first, second]);
  await first.stop();
  await load.untilShared([second]);
  const third = await thirdProcess.startConsumer(subscription);
  await load.untilShared([second, third]);
  await thirdProcess.kill();
  await load.untilShared([second]);

  const sent = await load.end();
  await assertNothingLost([first, second, third], sent, world.patienceMs);
}
