/**
 * Owns the name server: routes of topics and addresses of brokers as brokers register them (newest epoch wins), and the
 * key-value configuration, which alone is durable.
 */
export { nameServerChangesOf } from './configuration.ts';
export { NameServer, type NameServerPorts } from './name-server.ts';
export { type NameServerOptions, nameServerOptions, refusedNameServerKeys } from './options.ts';
export { nameServerKeys } from './rocketmq-keys.ts';
