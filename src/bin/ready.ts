import { type Address, formatAddress } from '../base/index.ts';
import type { BrokerDescription } from '../broker/index.ts';

export interface Ready {
  readonly nameServer: Address | undefined;
  readonly controller?: Address | undefined;
  readonly brokers: readonly BrokerDescription[];
  readonly dataFolder: string;
  readonly isTemporary: boolean;
  readonly pid: number;
}

/** For programs that start a server and wait for it. */
export function readyLine(ready: Ready): string {
  const json = {
    ready: true,
    nameserver: ready.nameServer === undefined ? null : formatAddress(ready.nameServer),
    ...(ready.controller !== undefined && { controller: formatAddress(ready.controller) }),
    brokers: ready.brokers.map((broker) => ({
      ...broker,
      address: formatAddress(broker.address),
      fastAddress: broker.fastAddress === undefined ? null : formatAddress(broker.fastAddress),
    })),
    dataDir: ready.brokers.length === 0 ? null : ready.dataFolder,
    pid: ready.pid,
  };
  return `${JSON.stringify(json)}\n`;
}

/** For a person who just started it. */
export function friendlyText(ready: Ready): string {
  const lines: string[] = ['', 'Holdfast is ready.'];
  if (ready.nameServer !== undefined)
    lines.push(`  Name server  ${formatAddress(ready.nameServer)}`);
  if (ready.controller !== undefined)
    lines.push(`  Controller   ${formatAddress(ready.controller)}`);
  for (const broker of ready.brokers) {
    lines.push(
      `  Broker       ${formatAddress(broker.address)}  (${broker.cluster}/${broker.name})`,
    );
  }
  if (ready.brokers.length > 0) {
    const remark = ready.isTemporary
      ? '  (temporary: removed at the end; keep it with --data)'
      : '';
    lines.push(`  Data         ${ready.dataFolder}${remark}`);
  }
  if (ready.nameServer !== undefined && ready.brokers.length > 0) {
    const isDefault = ready.nameServer.port === 9876;
    const nameServer = isDefault ? '' : ` --namesrv ${formatAddress(ready.nameServer)}`;
    lines.push('', 'Try, in another terminal:');
    lines.push(`  ${command} msg send Greetings "hello" --tags first${nameServer}`);
    lines.push(`  ${command} msg tail Greetings --from first${nameServer}`);
  }
  lines.push('', 'Stop it with Ctrl+C.', '');
  return `${lines.join('\n')}\n`;
}

/** Works in a checkout and where the package is installed. */
const command = 'npx holdfast';
