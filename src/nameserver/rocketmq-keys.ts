import type { KeyGroup } from '../base/index.ts';

/** Keys that a name server of RocketMQ 5.3.3 or 5.5.0 reads, with its defaults (two processors). */
export const nameServerKeys: readonly KeyGroup[] = [
  {
    javaClass: 'NamesrvConfig',
    keys: `
      configBlackList=configBlackList;configStorePath;kvConfigPath,
      configStorePath, deleteTopicWithBrokerRegistration=false, enableAllTopicList=true,
      enableTopicList=true, kvConfigPath, needWaitForService=false,
      orderMessageEnable=false, returnOrderTopicConfigToBroker=true,
      scanNotActiveBrokerInterval=5000, waitSecondsForService=45
    `,
  },
  {
    javaClass: 'NamesrvConfig',
    reason: 'any other value is refused',
    keys: `
      clusterTest=false, enableControllerInNamesrv=false, notifyMinBrokerIdChanged=false,
      supportActingMaster=false
    `,
  },
  {
    javaClass: 'NamesrvConfig',
    reason:
      'there are no pools of threads and no queues before them: one thread does the work, and limits are per connection',
    keys: `
      clientRequestThreadPoolNums=8, clientRequestThreadPoolQueueCapacity=50000,
      defaultThreadPoolNums=16, defaultThreadPoolQueueCapacity=10000,
      unRegisterBrokerQueueCapacity=3000
    `,
  },
  {
    javaClass: 'NamesrvConfig',
    reason: 'where files are and what is logged is told in another way',
    keys: `
      productEnvName=center, rocketmqHome
    `,
  },
  {
    javaClass: 'ControllerConfig',
    reason: 'metrics and statistics are made in another way',
    keys: `
      metricGrpcExporterIntervalInMills=60000, metricGrpcExporterTimeOutInMills=3000,
      metricLoggingExporterIntervalInMills=10000, metricsExporterType=DISABLE,
      metricsGrpcExporterHeader=, metricsGrpcExporterTarget=, metricsInDelta=false,
      metricsLabel=, metricsPromExporterHost=, metricsPromExporterPort=5557
    `,
  },
  {
    javaClass: 'ControllerConfig',
    reason: 'the controller is one process with a file of its own, and listens on listenPort',
    keys: `
      controllerDLegerGroup, controllerDLegerPeers, controllerDLegerSelfId,
      controllerRequestThreadPoolQueueCapacity=50000, controllerStorePath=,
      controllerThreadPoolNums=16, controllerType=DLedger, electMasterMaxRetryCount=3,
      enableElectUncleanMaster=false, isProcessReadEvent=false, mappedFileSize=1073741824,
      notifyBrokerRoleChanged=true, scanInactiveMasterInterval=5000
    `,
  },
];
