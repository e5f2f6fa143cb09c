// Records frames between RocketMQ clients, brokers and name servers. Each argument is one relay: NAME=LISTEN=TARGET, with
// LISTEN and TARGET as HOST:PORT. Appends one JSON line per frame to the file RELAY_LOG: relay, connection, direction, hex.
import { appendFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';

const log = process.env.RELAY_LOG;
let connections = 0;

function record(relay, connection, direction) {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const length = 4 + rest.readInt32BE(0);
      const hex = rest.subarray(0, length).toString('hex');
      appendFileSync(log, `${JSON.stringify({ relay, connection, direction, hex })}\n`);
      rest = rest.subarray(length);
    }
  };
}

for (const argument of process.argv.slice(2)) {
  const [relay, listen, target] = argument.split('=');
  const [listenHost, listenPort] = listen.split(':');
  const [targetHost, targetPort] = target.split(':');
  createServer((near) => {
    const connection = ++connections;
    const far = connect(Number(targetPort), targetHost);
    near.on('data', record(relay, connection, 'to server'));
    far.on('data', record(relay, connection, 'to client'));
    near.pipe(far);
    far.pipe(near);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ]) {
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
    }
  }).listen(Number(listenPort), listenHost);
}
