import type { Address } from './values.ts';

/** What a request is answered with. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  /** In pieces, each asked for when the peer has room for it; the rest is not asked for once the peer is gone. */
  readonly body: Iterable<string> | AsyncIterable<string>;
}

export interface HttpListener {
  /** With the port that was picked. */
  readonly address: Address;
  /** Stops listening and ends all connections. */
  close(): Promise<void>;
}

/** Pages for programs that watch: GET and HEAD, without bodies of requests. */
export interface HttpServers {
  /** Fails `unavailable`/`addressInUse`. `answer` gets the path without its query. */
  listen(at: Address, answer: (path: string) => HttpAnswer): Promise<HttpListener>;
}
