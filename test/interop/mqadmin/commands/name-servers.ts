import { configurationIsChecked, nameServerKeys } from '../differences.ts';
import type { Step } from '../step.ts';

/** Some topics of Java are not there: see `transactionTopics`. */
const countOfTopics = [/(?<=OK, )\d+/g];

/** The name server: its configuration, key-value table and the write permission of brokers. */
export const nameServers: readonly Step[] = [
  {
    run: 'getNamesrvConfig',
    sorted: true,
    masks: [/(?<=^(configStorePath|kvConfigPath|listenPort) *= ).*/gm],
    differs: [nameServerKeys],
  },
  { run: 'updateNamesrvConfig -k orderMessageEnable -v true' },
  { run: 'updateNamesrvConfig -k nonsense -v true', differs: [configurationIsChecked] },
  { run: 'updateNamesrvConfig -k kvConfigPath -v /nowhere' },
  { run: 'updateNamesrvConfig -k orderMessageEnable' },
  { run: 'updateKvConfig -s space -k key -v value' },
  { run: 'updateKvConfig -s space -k key' },
  { run: 'deleteKvConfig -s space -k key' },
  { run: 'deleteKvConfig -s space -k key' },
  { run: 'deleteKvConfig -s nowhere -k key' },
  { run: 'wipeWritePerm -b {brokerName}', masks: countOfTopics },
  { run: 'topicRoute -t Prepared', until: /"perm":4/ },
  { run: 'addWritePerm -b {brokerName}', masks: countOfTopics },
  { run: 'topicRoute -t Prepared', until: /"perm":6/ },
  { run: 'wipeWritePerm -b nobody' },
  { run: 'addWritePerm -b nobody' },
  { run: 'addWritePerm' },
];
