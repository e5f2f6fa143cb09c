import type { Address } from '../base/index.ts';
import { handleAsync, type RemotingClient, type RemotingConnection } from '../remoting/index.ts';
import type { OffsetCommit } from '../views/metadata/index.ts';
import {
  type IncomingCommand,
  RequestCode,
  ResponseCode,
  UpdateConsumerOffset,
} from '../wire/index.ts';

/** Longer than a pull is suspended by clients. */
const longestWaitMs = 40_000;
/** More than this wait for answers of the master: the rest is refused. */
const maxWaiting = 10_000;

/**
 * Hands requests of clients that do not know the new master yet on to it (design section 6.4), and its answers back.
 * Nothing is repeated: an answer that does not come is an error for the client, whose request may have been carried out.
 */
export class Forwarding {
  readonly #client: RemotingClient;
  #waiting = 0;
  /** How many requests were handed on. */
  forwarded = 0;

  constructor(client: RemotingClient) {
    this.#client = client;
  }

  /** Progress that a reader of this replica made; nobody waits for it. */
  commit(master: Address, { group, topic, queueId, offset }: OffsetCommit): void {
    const fields = { consumerGroup: group, topic, queueId, commitOffset: offset };
    const code = RequestCode.UPDATE_CONSUMER_OFFSET;
    this.#client.oneway(master, { code, header: [UpdateConsumerOffset, fields] }).catch(() => {});
  }

  forward(master: Address, connection: RemotingConnection, request: IncomingCommand): void {
    const { code } = request;
    if (this.#waiting >= maxWaiting) {
      const remark = 'too many requests wait for the new master';
      connection.answer(request, { code: ResponseCode.SYSTEM_BUSY, remark });
      return;
    }
    this.forwarded++;
    const extFields = request.extFields();
    const outgoing = { code, extFields, body: Uint8Array.from(request.body) };
    if (request.isOneway) {
      this.#client.oneway(master, outgoing).catch(() => {}); // Nobody waits for it.
      return;
    }
    this.#waiting++;
    handleAsync(connection, request, async () => {
      try {
        const response = await this.#client.request(master, outgoing, {
          timeoutMs: longestWaitMs,
        });
        const { remark, body } = response;
        return { code: response.code, remark, extFields: response.extFields(), body };
      } finally {
        this.#waiting--;
      }
    });
  }
}
