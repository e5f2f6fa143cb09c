import { type IncomingCommand, ResponseCode } from '../wire/index.ts';
import type { Answer, RemotingConnection } from './connection.ts';

/** Handles one kind of request, and answers it now or later. */
export type Processor = (connection: RemotingConnection, request: IncomingCommand) => void;

/** What handles which request code. */
export type RequestTable = ReadonlyMap<number, Processor>;

/** Hands the request to its processor; a code that has none is refused as RocketMQ does. */
export function dispatch(
  table: RequestTable,
  connection: RemotingConnection,
  request: IncomingCommand,
): void {
  const processor = table.get(request.code);
  if (processor === undefined) answerUnsupported(connection, request);
  else processor(connection, request);
}

export function answerUnsupported(connection: RemotingConnection, request: IncomingCommand): void {
  connection.answer(request, {
    code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
    remark: ` request type ${request.code} not supported`,
  });
}

/**
 * For requests that are rare: answers with what `work` resolves to, or as if the handler had thrown what it rejects
 * with.
 */
export function handleAsync(
  connection: RemotingConnection,
  request: IncomingCommand,
  work: () => Promise<Answer>,
): void {
  connection.postpone(request);
  work()
    .then((answer) => connection.answer(request, answer))
    .catch((error: unknown) => connection.answerFailure(request, error))
    .finally(() => connection.settled(request));
}
