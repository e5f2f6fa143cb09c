import {
  type Address,
  type Clock,
  formatAddress,
  type HttpAnswer,
  type HttpListener,
  type HttpServers,
  type Logger,
} from '../../base/index.ts';
import { contentType, exposition, type Labels, type Metric } from './exposition.ts';

/** Readers at a time; each costs a share of the event loop. */
const maxReaders = 4;
const plain = 'text/plain; charset=utf-8';

/** Gives the metrics to whoever asks by HTTP: `/metrics`, `/` as with RocketMQ's exporter, and `/-/healthy`. */
export class MetricsServer {
  readonly #listener: HttpListener;
  readonly #onStop: () => void;

  /** Fails `unavailable`/`addressInUse`. */
  static async listen(
    at: Address,
    content: { readonly metrics: () => readonly Metric[]; readonly common: Labels },
    ports: { readonly http: HttpServers; readonly clock: Clock; readonly logger: Logger },
    onStop: () => void,
  ): Promise<MetricsServer> {
    let readers = 0;
    async function* pages(): AsyncGenerator<string> {
      readers++;
      try {
        yield* exposition(content.metrics(), content.common, ports.clock);
      } catch (error) {
        ports.logger.error('metrics could not be read', { error });
        throw error;
      } finally {
        readers--;
      }
    }
    const answer = (path: string): HttpAnswer => {
      if (path === '/-/healthy') return text(200, 'Exporter is healthy.\n');
      if (path !== '/' && path !== '/metrics') return text(404, 'The metrics are at /metrics.\n');
      if (readers >= maxReaders) return text(503, 'Too many ask for the metrics at once.\n');
      return { status: 200, contentType, body: pages() };
    };
    const listener = await ports.http.listen(at, answer);
    ports.logger.info('metrics can be read', { address: formatAddress(listener.address) });
    return new MetricsServer(listener, onStop);
  }

  /** Use `listen`. */
  private constructor(listener: HttpListener, onStop: () => void) {
    this.#listener = listener;
    this.#onStop = onStop;
  }

  async stop(): Promise<void> {
    await this.#listener.close();
    this.#onStop();
  }
}

const text = (status: number, body: string): HttpAnswer => ({
  status,
  contentType: plain,
  body: [body],
});
