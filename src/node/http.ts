import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Failure, formatAddress, type HttpAnswer, type HttpServers } from '../base/index.ts';

const maxConnections = 64;
/** A peer that takes nothing for so long is cut off. */
const silenceMs = 30_000;

export const nodeHttp: HttpServers = {
  listen: (at, answer) =>
    new Promise((resolve, reject) => {
      const server = createServer((request, response) => {
        void handle(request, response, answer).catch(() => response.destroy());
      });
      server.maxConnections = maxConnections;
      server.setTimeout(silenceMs);
      server.once('error', (cause) => {
        const inUse = 'code' in cause && cause.code === 'EADDRINUSE';
        const what = `listen on ${formatAddress(at)}`;
        reject(
          new Failure('unavailable', inUse ? `${what}: the address is in use` : what, {
            cause,
            ...(inUse && { reason: 'addressInUse' }),
          }),
        );
      });
      server.listen({ host: at.host, port: at.port }, () => {
        server.removeAllListeners('error');
        // One connection could not be accepted: its peer sees that, and the next one is tried.
        server.on('error', () => {});
        const bound = server.address();
        const port = bound !== null && typeof bound === 'object' ? bound.port : at.port;
        server.unref();
        resolve({
          address: { host: at.host, port },
          async close() {
            server.close();
            server.closeAllConnections();
          },
        });
      });
    }),
};

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (path: string) => HttpAnswer,
): Promise<void> {
  request.resume();
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const [path = '/'] = (request.url ?? '/').split('?');
  const { status, contentType, body } = answer(path);
  response.writeHead(status, { 'content-type': contentType });
  if (request.method === 'GET') {
    for await (const piece of body) {
      if (response.destroyed) return;
      if (!response.write(piece)) {
        await Promise.race([once(response, 'drain'), once(response, 'close')]);
      }
    }
  }
  response.end();
}
