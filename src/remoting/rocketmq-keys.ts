import type { KeyGroup } from '../base/index.ts';

/** Keys of the network that RocketMQ 5.3.3 or 5.5.0 reads, with its defaults (two processors). */
export const networkKeys: readonly KeyGroup[] = [
  {
    javaClass: 'NettyServerConfig',
    keys: `
      bindAddress=0.0.0.0, listenPort=0, serverChannelMaxIdleTimeSeconds=120
    `,
  },
  {
    javaClass: 'NettyServerConfig',
    reason: 'the network is that of Node.js, and clients of the broker are limited per connection',
    keys: `
      enableShutdownGracefully=false, serverAsyncSemaphoreValue=64,
      serverCallbackExecutorThreads=0, serverNettyWorkerGroupEnable=true,
      serverOnewaySemaphoreValue=256, serverPooledByteBufAllocatorEnable=true,
      serverSelectorThreads=3, serverSocketBacklog=1024, serverSocketRcvBufSize=0,
      serverSocketSndBufSize=0, serverWorkerThreads=8, shutdownWaitTimeSeconds=30,
      useEpollNativeSelector=false, writeBufferHighWaterMark=0, writeBufferLowWaterMark=0
    `,
  },
  {
    javaClass: 'NettyClientConfig',
    reason: 'the network is that of Node.js, and clients of the broker are limited per connection',
    keys: `
      channelNotActiveInterval=60000, clientAsyncSemaphoreValue=65535,
      clientCallbackExecutorThreads=4, clientChannelMaxIdleTimeSeconds=120,
      clientCloseSocketIfTimeout=true, clientOnewaySemaphoreValue=65535,
      clientPooledByteBufAllocatorEnable=false, clientSocketRcvBufSize=0,
      clientSocketSndBufSize=0, clientWorkerThreads=4, connectTimeoutMillis=3000,
      disableCallbackExecutor=false, disableNettyWorkerGroup=false,
      enableReconnectForGoAway=true, isScanAvailableNameSrv=true,
      maxReconnectIntervalTimeSeconds=60, scanAvailableNameSrv, socksProxyConfig={}, useTLS=false
    `,
  },
  {
    javaClass: 'TlsSystemConfig',
    keys: `
      tls.client.authServer=false, tls.client.certPath, tls.client.keyPassword,
      tls.client.keyPath, tls.client.trustCertPath, tls.enable=false, tls.server.authClient=false,
      tls.server.certPath, tls.server.keyPassword, tls.server.keyPath, tls.server.mode=permissive,
      tls.server.need.client.auth=none, tls.server.trustCertPath, tls.test.mode.enable=true
    `,
  },
];
