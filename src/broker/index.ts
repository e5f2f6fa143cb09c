/** A broker: request processors over a store, the sessions of its clients, and its registration at name servers. */

export { brokerChangesOf } from './administration/configuration.ts';
export { Broker, type BrokerDescription, type BrokerPorts } from './broker.ts';
export { type BrokerOptions, brokerOptions, refusedBrokerKeys } from './options.ts';
export { brokerKeys } from './rocketmq-keys.ts';
