/**
 * Owns requests and responses over a network: connections with their limits, correlation, deadlines, back-pressure,
 * and the one place where a failure becomes a response code. Knows no request.
 */
export { RemotingClient, type RemotingClientOptions } from './client.ts';
export {
  type Answer,
  type OutgoingRequest,
  RemotingConnection,
  type RequestHandler,
} from './connection.ts';
export { type FailureResponse, responseFor } from './failures.ts';
export { type ConnectionLimits, defaultConnectionLimits } from './limits.ts';
export { updateOptions } from './option-updates.ts';
export {
  type TlsClientOptions,
  type TlsServerOptions,
  tlsClientOptions,
  tlsServerOptions,
} from './options.ts';
export {
  answerUnsupported,
  dispatch,
  handleAsync,
  type Processor,
  type RequestTable,
} from './request-table.ts';
export { networkKeys } from './rocketmq-keys.ts';
export { type RemotingPorts, RemotingServer, type RemotingServerOptions } from './server.ts';
export { readClientTls, readServerTls } from './tls.ts';
