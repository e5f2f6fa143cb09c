import type { KeyGroup } from '../base/index.ts';

/** Keys that a broker of RocketMQ 5.3.3 or 5.5.0 reads, with its defaults (two processors). */
export const brokerKeys: readonly KeyGroup[] = [
  {
    javaClass: 'BrokerConfig',
    keys: `
      autoCreateSubscriptionGroup=true, autoCreateTopicEnable=true, brokerClusterName,
      brokerHeartbeatInterval=1000, brokerIP1, brokerIP2, brokerId, brokerName, brokerPermission=6, brokerTopicEnable=true,
      channelExpiredTimeout=120000, clusterTopicEnable=true,
      configBlackList=configBlackList;brokerConfigPath, controllerAddr=,
      defaultTopicQueueNums=8, enableControllerMode=false, listenPort=6888,
      longPollingEnable=true, metricsExporterType=DISABLE, metricsPromExporterHost=,
      metricsPromExporterPort=5557, msgTraceTopicName=RMQ_SYS_TRACE_TOPIC, namesrvAddr,
      notifyConsumerIdsChangedEnable=true, regionId=DefaultRegion,
      registerBrokerTimeoutMills=24000, registerNameServerPeriod=30000,
      shortPollingTimeMills=1000, startAcceptSendRequestTimeStamp=0, traceOn=true,
      traceTopicEnable=false, useServerSideResetOffset=true
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'SQL92 filters are not built yet, and are refused',
    keys: `
      enableCalcFilterBitMap=false, enablePropertyFilter=false, expectConsumerNumUseFilter=32,
      filterDataCleanTimeSpan=86400000, filterSupportRetry=false, maxErrorRateOfBloomFilter=20
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'answers are made in memory, whatever the size',
    keys: `
      highSpeedMode=false, transferMsgByHeap=true
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'any other value is refused',
    keys: `
      aclEnable=false, enableRemoteEscape=false,
      enableSlaveActingMaster=false, fetchNameSrvAddrByDnsLookup=false,
      fetchNamesrvAddrByAddressServer=false, isBrokerContainer=false,
      isInBrokerContainer=false, messageStorePlugIn=
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'consumers are served at any distance, and by every kind of pull',
    keys: `
      consumerFallbehindThreshold=17179869184, disableConsumeIfConsumerReadSlowly=false,
      litePullMessageEnable=true, rejectPullConsumerEnable=false
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'it is always as with the default',
    keys: `
      clearRetryTopicWhenDeleteTopic=true, enableCreateSysGroup=true,
      enableMixedMessageType=false, realTimeNotifyConsumerChange=true,
      subscriptionExpiredTimeout=600000, useStaticSubscription=false, validateSystemTopicWhenUpdateTopic=true
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'it is not built',
    keys: `
      printChannelGroups=false, printChannelGroupsMinNum=5, storeReplyMessageEnable=true
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'lite topics and light queues are not built',
    keys: `
      enableLiteEventMode=true, liteEventCheckInterval=10000,
      liteEventFullDispatchDelayTime=10000, liteEventFullDispatchDelayTimeForWildcardGroup=10000,
      liteLagLatencyCollectEnable=false, liteLagLatencyTopK=50,
      liteSubscriptionCheckInterval=120000, liteSubscriptionCheckTimeoutMills=180000,
      liteTtlCheckInterval=120000, maxClientEventCount=100, maxLiteSubscriptionCount=100000,
      minLiteTTl=900000
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'messages for any time are not built yet, and are refused',
    keys: `
      allowRecallWhenBrokerNotWriteable=true, recallMessageEnable=false
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'metrics and statistics are made in another way',
    keys: `
      accountStatsEnable=true, accountStatsPrintZeroValues=true, autoDeleteUnusedStats=true,
      commercialBaseCount=1, commercialSizePerMsg=4096, enableConnectionMetrics=true,
      enableDetailStat=true, enableLagAndDlqMetrics=true, enableLmqStats=false,
      enableMessageStoreMetrics=true, enablePopMetrics=true, enableRemotingMetrics=true,
      enableRequestMetrics=true, enableStatsMetrics=true, enableTransactionMetrics=true,
      estimateAccumulation=true, liteLagCountMetricsEnable=false,
      liteLagLatencyMetricsEnable=false, maxStatsIdleTimeInMinutes=-1,
      metricGrpcExporterIntervalInMills=60000, metricGrpcExporterTimeOutInMills=3000,
      metricLoggingExporterIntervalInMills=10000, metricsExportBatchMaxDataPoints=1000,
      metricsGrpcExporterHeader=, metricsGrpcExporterTarget=, metricsInDelta=false, metricsLabel=,
      metricsOtelCardinalityLimit=50000
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'name servers are named in namesrvAddr, and a change takes effect at once',
    keys: `
      fetchNamesrvAddrInterval=10000, updateNameServerAddrPeriod=120000
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'name servers are told what changed as it changes, compressed when it is much',
    keys: `
      compatibleWithOldNameSrv=true, compressedRegister=false, enableRegisterProducer=true,
      enableSingleTopicRegister=false, enableSplitRegistration=false, forceRegister=true,
      splitRegistrationSize=800
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'offsets are records of the log: durable as such, with versions of their own',
    keys: `
      consumerOffsetUpdateVersionStep=500, delayOffsetUpdateVersionStep=200,
      flushConsumerOffsetHistoryInterval=60000, flushConsumerOffsetInterval=5000
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'offsets of broadcast consumers are theirs; the broker keeps none',
    keys: `
      broadcastOffsetExpireMaxSecond=300, broadcastOffsetExpireSecond=120,
      enableBroadcastOffsetStore=true
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'pop consumption is not built yet, and its requests are refused',
    keys: `
      appendAckAsync=false, appendCkAsync=false, defaultMessageRequestMode=PULL,
      defaultPopShareQueueNum=-1, enableLitePopLog=false,
      enableNotifyAfterPopOrderLockRelease=true, enableNotifyBeforePopCalculateLag=true,
      enablePopBatchAck=false, enablePopBufferMerge=false, enablePopLog=false,
      enablePopMessageThreshold=false, enableRetryTopicV2=false, enableSkipLongAwaitingAck=false,
      initPopOffsetByCheckMsgInMem=true, loadBalancePollNameServerInterval=30000,
      maxMessageFilterNumForNotification=64, maxPopPollingSize=100000, popCkMaxBufferSize=200000,
      popCkOffsetMaxQueueSize=20000, popCkStayBufferTime=10000, popCkStayBufferTimeOut=3000,
      popConsumerFSServiceInit=true, popConsumerKVServiceEnable=false,
      popConsumerKVServiceInit=false, popConsumerKVServiceLog=false, popFromRetryProbability=20,
      popFromRetryProbabilityForPriority=0, popInflightMessageThreshold=10000,
      popLongPollingForceNotifyInterval=800, popPollingMapExpireTimeSeconds=600,
      popPollingMapSize=100000, popPollingSize=1024, popResponseReturnActualRetryTopic=false,
      popReviveConcurrency=32, popReviveMaxAttemptTimes=16, popReviveMaxReturnSizePerRead=16384,
      popReviveSkipIfGroupAbsent=true, priorityOrderAsc=true,
      retrieveMessageFromPopRetryTopicV1=true, reviveAckWaitMs=180000, reviveInterval=1000,
      reviveMaxSlow=3, reviveQueueNum=8, reviveScanTime=10000, serverLoadBalancerEnable=true,
      skipWhenCKRePutReachMaxTimes=false, useMessageFilterForNotification=true,
      useSeparateRetryQueue=false
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'reads of old messages are limited in another way',
    keys: `
      cgColdReadThreshold=3145728, coldCtrStrategyEnable=false,
      globalColdReadThreshold=104857600, usePIDColdCtrStrategy=true
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason:
      'replication works in another way: the log is replicated, and every in-sync replica answers for it',
    keys: `
      brokerElectionPriority=2147483647,
      brokerNotActiveTimeoutMillis=10000, checkSyncStateSetPeriod=5000,
      cleanOfflineBrokerInterval=30000, controllerHeartBeatTimeoutMills=10000,
      enableSplitMetadata=true, fetchControllerAddrByDnsLookup=false, forwardTimeout=3000,
      lockInStrictMode=false, sendHeartbeatTimeoutMillis=1000, skipPreOnline=false,
      slaveReadEnable=false, splitMetadataSize=2000, syncBrokerMemberGroupPeriod=1000,
      syncBrokerMetadataPeriod=5000, syncControllerMetadataPeriod=10000
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'requests do not wait in queues; what is over a limit is refused at once',
    keys: `
      brokerFastFailureEnable=true, enableFastChannelEventProcess=false,
      enableNetWorkFlowControl=false, waitTimeMillsInAckQueue=3000,
      waitTimeMillsInAdminBrokerQueue=5000, waitTimeMillsInHeartbeatQueue=31000,
      waitTimeMillsInLitePullQueue=5000, waitTimeMillsInPullQueue=5000,
      waitTimeMillsInSendQueue=200, waitTimeMillsInTransactionQueue=3000
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'tables and queues follow from the log, and how they are stored is not a choice',
    keys: `
      configManagerVersion=v1, persistConsumerOffsetIncrementally=false,
      useSingleRocksDBForAllConfigs=false
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason:
      'there are no pools of threads and no queues before them: one thread does the work, and limits are per connection',
    keys: `
      ackMessageThreadPoolNums=16, ackThreadPoolQueueCapacity=100000,
      adminBrokerThreadPoolNums=16, adminBrokerThreadPoolQueueCapacity=10000,
      asyncSendEnable=true, clientManageThreadPoolNums=32,
      clientManagerThreadPoolQueueCapacity=1000000, consumerManageThreadPoolNums=32,
      consumerManagerThreadPoolQueueCapacity=1000000, endTransactionPoolQueueCapacity=100000,
      endTransactionThreadPoolNums=12, heartbeatThreadPoolNums=2,
      heartbeatThreadPoolQueueCapacity=50000, litePullMessageThreadPoolNums=20,
      litePullThreadPoolQueueCapacity=100000, loadBalanceProcessorThreadPoolNums=32,
      loadBalanceThreadPoolQueueCapacity=100000, processReplyMessageThreadPoolNums=20,
      pullMessageThreadPoolNums=20, pullThreadPoolQueueCapacity=100000,
      putMessageFutureThreadPoolNums=2, putThreadPoolQueueCapacity=10000,
      queryMessageThreadPoolNums=10, queryThreadPoolQueueCapacity=20000,
      recoverConcurrently=false, recoverThreadPoolNums=32, replyThreadPoolQueueCapacity=10000,
      sendMessageThreadPoolNums=2, sendThreadPoolQueueCapacity=10000,
      transactionCheckRocksdbCoreThreads=2, transactionCheckRocksdbMaxThreads=5,
      transactionCheckRocksdbQueueCapacity=2000
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'transactional messages are not built yet, and are refused',
    keys: `
      rejectTransactionMessage=false, transactionCheckInterval=30000, transactionCheckMax=15,
      transactionMetricFlushInterval=10000, transactionOpBatchInterval=3000,
      transactionOpMsgMaxSize=4096, transactionTimeOut=6000
    `,
  },
  {
    javaClass: 'BrokerConfig',
    reason: 'where files are and what is logged is told in another way',
    keys: `
      brokerConfigPath, isolateLogEnable=false, rocketmqHome
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    keys: `
      brokerRole=ASYNC_MASTER, cleanFileForciblyEnable=true, cleanResourceInterval=10000,
      defaultQueryMaxNum=32, deleteWhen=04, diskMaxUsedSpaceRatio=75,
      diskSpaceCleanForciblyRatio=85, diskSpaceWarningLevelRatio=90, fileReservedTime=72,
      flushDiskType=ASYNC_FLUSH, flushIntervalCommitLog=500, haListenPort=10912, haMasterAddress,
      haMaxTimeSlaveNotCatchup=15000, mappedFileSizeCommitLog=1073741824,
      maxMessageSize=4194304, maxMsgsNumBatch=64, maxTransferBytesOnMessageInDisk=65536,
      maxTransferBytesOnMessageInMemory=262144, maxTransferCountOnMessageInDisk=8,
      maxTransferCountOnMessageInMemory=32, messageIndexEnable=true, storePathCommitLog,
      storePathRootDir, syncFlushTimeout=5000, allAckInSyncStateSet=false, inSyncReplicas=1,
      minInSyncReplicas=1, slaveTimeout=3000, totalReplicas=1,
      messageDelayLevel=1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason: 'SQL92 filters are not built yet, and are refused',
    keys: `
      bitMapLengthConsumeQueueExt=64, enableConsumeQueueExt=false,
      mappedFileSizeConsumeQueueExt=50331648, maxFilterMessageSize=16000
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason: 'any other value is refused',
    keys: `
      duplicationEnable=false, enableDLegerCommitLog=false, readOnlyCommitLogStorePaths
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason:
      'files, locks and recovery work in another way: one log, appended by one thread, checked with its own sums',
    keys: `
      accessMessageInMemoryHotRatio=26, accessMessageInMemoryMaxRatio=40,
      autoMessageVersionOnTopicLen=true, checkCRCOnRecover=true,
      checkCommitLogOffsetOnRecover=false, cleanSwapedMapInterval=300000,
      commitCommitLogLeastPages=4, commitCommitLogThoroughInterval=200,
      commitIntervalCommitLog=200, commitLogForceSwapMapInterval=43200000,
      commitLogRecoverMaxNum=10, commitLogSwapMapInterval=3600000,
      commitLogSwapMapReserveFileNum=100, correctLogicMinOffsetForceInterval=300000,
      correctLogicMinOffsetSleepInterval=1, debugLockEnable=false,
      deleteCommitLogFilesInterval=100, deleteConsumeQueueFilesInterval=100,
      deleteFileBatchMax=10, destroyMapedFileIntervalForcibly=120000, diskFallRecorded=true,
      enableAcceleratedRecovery=false, enableCleanExpiredOffset=false,
      enableLogConsumeQueueRepeatedlyBuildWhenRecover=false, enableRunningFlagsInFlush=false,
      enabledAppendPropCRC=false, fastFailIfNoBufferInStorePool=false,
      flushCommitLogLeastPages=4, flushCommitLogThoroughInterval=10000, flushCommitLogTimed=true,
      flushConsumeQueueLeastPages=2, flushConsumeQueueThoroughInterval=60000,
      flushIntervalConsumeQueue=1000, flushLeastPagesWhenWarmMapedFile=4096,
      forceVerifyPropCRC=false, indexFileReadEnable=true, indexFileWriteEnable=true,
      logicQueueForceSwapMapInterval=43200000, logicQueueSwapMapInterval=3600000,
      logicQueueSwapMapReserveFileNum=20, logicalDiskSpaceCleanForciblyThreshold=0.8,
      mappedFileSizeConsumeQueue=6000000, mappedFileSwapEnable=true,
      mapperFileSizeBatchConsumeQueue=13800000, maxBatchDeleteFilesNum=50,
      maxChecksumRange=1073741824, maxConsumeQueueScan=20000, maxHashSlotNum=5000000,
      maxIndexNum=20000000, maxRecoveryCommitlogFiles=30, messageIndexSafe=false,
      osPageCacheBusyTimeOutMills=1000, pullBatchMaxMessageCount=160,
      putConsumeQueueDataByFileChannel=true, putMessageTimeout=8000,
      putMsgIndexHightWater=600000, recheckReputOffsetFromCq=false,
      redeleteHangedFileInterval=120000, sampleCountThreshold=5000, sampleSteps=32,
      searchBcqByCacheEnable=true, sharedByteBufferNum=16,
      spinLockCollisionRetreatOptimalDegree=1000, transientStorePoolEnable=false,
      transientStorePoolSize=5, travelCqFileNumWhenGetMessage=1, useABSLock=false,
      useReentrantLockWhenPutMessage=true, wakeCommitWhenPutMessage=true,
      wakeFlushWhenPutMessage=false, warmMapedFileEnable=false, writeWithoutMmap=false
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason: 'it is always as with the default',
    keys: `
      maxTopicLength=127
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason: 'lite topics and light queues are not built',
    keys: `
      combineCQUseRocksdbForLmq=false, enableLmq=false, enableLmqQuota=false,
      enableMultiDispatch=false, maxLmqConsumeQueueNum=20000
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason: 'messages for any time are not built yet, and are refused',
    keys: `
      appendTopicForTimerDeleteKey=false, disappearTimeAfterStart=-1,
      enableScheduleAsyncDeliver=false, flushDelayOffsetInterval=10000,
      mappedFileSizeTimerLog=104857600, scheduleAsyncDeliverMaxPendingLimit=2000,
      scheduleAsyncDeliverMaxResendNum2Blocked=3, timerColdDataCheckIntervalMs=60000,
      timerCongestNumEachSlot=2147483647, timerEnableDisruptor=false,
      timerEnableRetryUntilSuccess=false, timerFlushIntervalMs=1000,
      timerInterceptDelayLevel=false, timerMaxDelaySec=259200, timerMetricSmallThreshold=1000000,
      timerPrecisionMs=1000, timerProgressLogIntervalMs=10000, timerRecallToTimeWheelEnable=true,
      timerRecallToTimelineEnable=true, timerRocksDBEnable=false, timerRocksDBPrecisionMs=1000,
      timerRocksDBRollIntervalHours=1, timerRocksDBRollMaxTps=8000.0,
      timerRocksDBRollRangeHours=2, timerRocksDBStopScan=false,
      timerRocksDBTimeExpiredMaxTps=200000.0, timerRollWindowSlot=172800,
      timerSkipUnknownError=false, timerStopDequeue=false, timerStopEnqueue=false,
      timerWarmEnable=false, timerWheelEnable=true, timerWheelSnapshotFlush=false,
      timerWheelSnapshotIntervalMs=10000
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason: 'metrics and statistics are made in another way',
    keys: `
      enableScheduleMessageStats=true, timerCheckMetricsWhen=05, timerEnableCheckMetrics=true
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason: 'reads of old messages are limited in another way',
    keys: `
      coldDataFlowControlEnable=false, coldDataScanEnable=false, dataReadAheadEnable=true
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason:
      'replication works in another way: the log is replicated, and every in-sync replica answers for it',
    keys: `
      asyncLearner=false, enableAutoInSyncReplicas=false,
      haFlowControlEnable=false, haHousekeepingInterval=20000, haMaxGapNotInSync=268435456,
      haSendHeartbeatInterval=5000,
      haTransferBatchSize=32768, maxHaTransferByteInSecond=104857600,
      maxSlaveResendLength=268435456, offsetCheckInSlave=false, readUnCommitted=false,
      replicasPerDiskPartition=1, storePathBrokerIdentity,
      storePathEpochFile, syncFromLastFile=false, syncMasterFlushOffsetWhenStartup=false
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason: 'tables and queues follow from the log, and how they are stored is not a choice',
    keys: `
      bottomMostCompressionTypeForConsumeQueueStore=zstd, cleanRocksDBDirtyCQIntervalMin=60,
      combineAssignOffsetCQType=default, combineCQEnableCheckSelf=false,
      combineCQLoadingCQTypes=default;defaultRocksDB, combineCQMaxExtraSearchCommitLogFiles=3,
      combineCQPreferCQType=default, enableRocksDBLog=false, indexRocksDBEnable=false,
      iteratorWhenUseRocksdbConsumeQueue=true, maxRocksDBIndexQueryDays=7,
      memTableFlushIntervalMs=3600000, realTimePersistRocksDBConfig=true,
      rocksdbCQDoubleWriteEnable=false, rocksdbCompressionType=lz4,
      rocksdbFlushWalFrequency=1024, rocksdbWalFileRollingThreshold=1073741824,
      statRocksDBCQIntervalSec=10, storeType=default, useSeparateStorePathForRocksdbCQ=false
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason: 'the DLedger commit log is not supported',
    keys: `
      dLegerGroup, dLegerPeers, dLegerSelfId, enableBatchPush=false, preferredLeaderId,
      storePathDLedgerCommitLog
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason:
      'there are no pools of threads and no queues before them: one thread does the work, and limits are per connection',
    keys: `
      batchDispatchRequestThreadPoolNums=16, compactionThreadNum=6, dispatchCqCacheNum=4096,
      dispatchCqThreads=10, dispatchFromSenderThread=false, enableAsyncReput=true,
      enableBuildConsumeQueueConcurrently=false, maxAsyncPutMessageRequests=5000,
      timerGetMessageThreadNum=3, timerPutMessageThreadNum=3, timerReputServiceCorePoolSize=6,
      timerReputServiceMaxPoolSize=6, timerReputServiceQueueCapacity=10000, topicQueueLockNum=32
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason: 'topics are not compacted',
    keys: `
      compactionCqMappedFileSize=10485760, compactionMappedFileSize=104857600,
      compactionScheduleInternal=900000, enableCompaction=true, maxOffsetMapSize=104857600
    `,
  },
  {
    javaClass: 'MessageStoreConfig',
    reason: 'transactional messages are not built yet, and are refused',
    keys: `
      transRocksDBEnable=false, transWriteOriginTransHalfEnable=true
    `,
  },
  {
    javaClass: 'AuthConfig',
    reason: 'access control is not there yet',
    keys: `
      aclCacheExpiredSecond=600, aclCacheMaxNum=1000, aclCacheRefreshSecond=60,
      authenticationMetadataProvider, authenticationProvider, authenticationStrategy,
      authenticationWhitelist, authorizationMetadataProvider, authorizationProvider,
      authorizationStrategy, authorizationWhitelist, initAuthenticationUser,
      innerClientAuthenticationCredentials, migrateAuthFromV1Enabled=false,
      statefulAuthenticationCacheExpiredSecond=60, statefulAuthenticationCacheMaxNum=10000,
      statefulAuthorizationCacheExpiredSecond=60, statefulAuthorizationCacheMaxNum=10000,
      userCacheExpiredSecond=600, userCacheMaxNum=1000, userCacheRefreshSecond=60
    `,
  },
  {
    javaClass: 'AuthConfig',
    reason: 'any other value is refused',
    keys: `
      authenticationEnabled=false, authorizationEnabled=false
    `,
  },
  {
    javaClass: 'before 5.x',
    reason: 'no longer read by RocketMQ 5',
    keys: `
      abortFile, checkTransactionMessageEnable, storeCheckpoint, storePathConsumeQueue,
      storePathIndex
    `,
  },
];
