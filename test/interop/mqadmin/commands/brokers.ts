import {
  brokerKeys,
  configurationIsChecked,
  figures,
  settingsOfTheRun,
  transactionTopics,
  version,
} from '../differences.ts';
import type { Step } from '../step.ts';

const rates = [/\d+\.\d+\([^)]*\)/g, /\d+-\d+\([^)]*\)/g, /\d+\.\d+/g];
const valuesOfFigures = [/(?<=: ).*/g, /(?<=commitLogDiskRatio_)\S+/g];
/** Rates, and what was counted in 24 hours: Java looks at its counters now and then. */
const counts = [/\b\d+\.\d+\b/g, / \d+ +\d+ *$/gm, /(?<=<masked>) +\d+(?= +NO_CONSUMER)/gm];
/** How often a table was written. */
const versions = [/"(counter|stateVersion)":\d+/g];

/** The broker, its configuration and its figures. */
export const brokers: readonly Step[] = [
  { run: 'clusterList', masks: rates, differs: [version] },
  { run: 'clusterList -m', masks: [/\b\d+(\.\d+)?\b/g] },
  {
    run: 'clusterList -c {cluster}',
    masks: rates,
    differs: [version],
  },
  { run: 'clusterList -c nowhere' },
  { run: 'brokerStatus -b {broker}', masks: valuesOfFigures, differs: [figures] },
  { run: 'brokerStatus -c {cluster}', masks: valuesOfFigures, differs: [figures] },
  { run: 'brokerStatus -b 127.0.0.1:1' },
  { run: 'brokerStatus -c nowhere' },
  { run: 'brokerStatus' },
  {
    run: 'getBrokerConfig -b {broker}',
    sorted: true,
    differs: [brokerKeys, settingsOfTheRun],
  },
  {
    run: 'getBrokerConfig -c {cluster}',
    sorted: true,
    differs: [brokerKeys, settingsOfTheRun],
  },
  { run: 'getBrokerConfig -b 127.0.0.1:1' },
  { run: 'getBrokerConfig -c nowhere' },
  { run: 'updateBrokerConfig -b {broker} -k maxMessageSize -v 4000000' },
  { run: 'updateBrokerConfig -c {cluster} -k maxMessageSize -v 4194304' },
  {
    run: 'updateBrokerConfig -b {broker} -k maxMessageSize -v many',
    differs: [configurationIsChecked],
  },
  { run: 'updateBrokerConfig -b {broker} -k nonsense -v 1', differs: [configurationIsChecked] },
  { run: 'updateBrokerConfig -b {broker} -k brokerConfigPath -v /nowhere' },
  { run: 'updateBrokerConfig -c nowhere -k maxMessageSize -v 4194304' },
  { run: 'updateBrokerConfig -b 127.0.0.1:1 -k maxMessageSize -v 4194304' },
  { run: 'updateBrokerConfig -b {broker} -k maxMessageSize' },
  { run: 'statsAll', masks: counts, sorted: true, differs: [transactionTopics] },
  { run: 'statsAll -t Prepared', masks: counts },

  { run: 'statsAll -t unknown' },
  { run: 'cleanExpiredCQ -b {broker}' },
  { run: 'cleanExpiredCQ -c {cluster}' },
  { run: 'cleanExpiredCQ -b 127.0.0.1:1' },
  { run: 'cleanUnusedTopic -b {broker}' },
  { run: 'cleanUnusedTopic -c {cluster}' },
  { run: 'cleanUnusedTopic -c nowhere' },
  { run: 'deleteExpiredCommitLog -b {broker}' },
  { run: 'deleteExpiredCommitLog -c {cluster}' },
  // Java made this group when earlier commands named it.
  { run: 'deleteSubGroup -b {broker} -g unknown -r true' },
  {
    run: 'exportMetadata -c {cluster} -f {folder}/export',
    writes: 'export/metadata.json',
    sorted: true,
    masks: versions,
  },
  {
    run: 'exportMetadata -b {broker} -t -f {folder}/export',
    writes: 'export/topic.json',
    sorted: true,
    masks: versions,
  },
  {
    run: 'exportMetadata -b {broker} -g -f {folder}/export',
    writes: 'export/subscriptionGroup.json',
    sorted: true,
    masks: versions,
  },
  {
    run: 'exportMetadata -b {broker} -t -s -f {folder}/export',
    writes: 'export/topic.json',
    sorted: true,
    masks: versions,
  },
  { run: 'exportMetadata -c nowhere -f {folder}/export' },
  {
    run: 'exportConfigs -c {cluster} -f {folder}/export',
    writes: 'export/configs.json',
  },
  { run: 'exportConfigs -c nowhere -f {folder}/export' },
  { run: 'exportMetrics -c nowhere -f {folder}/export' },
];
