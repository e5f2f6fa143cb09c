/** Official Java clients over TLS and through the port two below. Needs the Java lab; not part of `npm test`. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { repository, temporaryFolder } from './support/locations.ts';
import { startTarget } from './support/target.ts';

const execute = promisify(execFile);
const script = join(process.env['HOLDFAST_JAVA_LAB'] ?? '../shared/java-lab', 'lab');
const program = join(repository, 'test/interop/nameserver/SendAndConsume.java');
const limitMs = 180_000;
const count = 20;

const encrypted = ['-Dtls.enable=true', '-Dtls.client.authServer=false'];
const fast = ['-Dcom.rocketmq.sendMessageWithVIPChannel=true'];

for (const version of ['5.5.0', '4.9.8']) {
  for (const [name, mode, properties] of [
    ['over TLS, where nothing else is accepted', 'enforcing', encrypted],
    ['over TLS and through the port two below', 'permissive', [...encrypted, ...fast]],
    ['plain, beside TLS and through the port two below', 'permissive', fast],
  ] as const) {
    test(`the Java client ${version} sends and consumes ${name}`, {
      timeout: limitMs,
    }, async () => {
      await using folder = await temporaryFolder('connections');
      await using target = await startTarget({
        kind: 'holdfast',
        settings: { 'tls.server.mode': mode, 'tls.enable': String(mode === 'enforcing') },
      });
      const parameters = ['java', '--version', version, program, target.nameServer, 'Kept'];
      const fastPort = Number(target.broker.split(':')[1]) - 2;
      const running = execute(script, [...parameters, String(count)], {
        env: {
          ...process.env,
          HOLDFAST_LAB_DIR: folder.path,
          JAVA_TOOL_OPTIONS: properties.join(' '),
        },
        timeout: limitMs,
      });
      let usesFastPort = false;
      const look = setInterval(() => {
        void isUsed(fastPort).then((isIt) => {
          usesFastPort ||= isIt;
        });
      }, 20);
      const { stdout } = await running.finally(() => clearInterval(look));
      assert.match(stdout, new RegExp(`sent ${count} consumed ${count} same true`));
      assert.equal(
        usesFastPort,
        properties.some((property) => property === fast[0]),
      );
    });
  }
}

/** Whether anybody is connected to this port of this machine at the moment. */
async function isUsed(port: number): Promise<boolean> {
  const established = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} 01 `);
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8'));
  return (await Promise.all(tables)).some((table) => established.test(table));
}
