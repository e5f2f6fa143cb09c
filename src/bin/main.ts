import { basename } from 'node:path';
import { type Address, silentLogger, version } from '../base/index.ts';
import { addOperationCommands, type Connection, createProgram, runProgram } from '../cli/index.ts';
import { addClusterCommands } from './cluster-commands.ts';
import { addConfigCommands } from './config-commands.ts';
import { nodeTerminal, stopSignal, watchReader } from './node-terminal.ts';
import { addServerCommands, isServer } from './server-commands.ts';

/** Runs one command and ends the process with its exit code. */
export async function main(words: readonly string[]): Promise<void> {
  // As a link with the name of RocketMQ's tool it is that tool.
  const calledAs = basename(process.argv[1] ?? '');
  const parameters = calledAs === 'mqadmin' ? ['mqadmin', ...words] : words;
  const terminal = nodeTerminal;
  watchReader();
  const program = createProgram(version, terminal);
  addServerCommands(program, { terminal, stopSignal });
  addClusterCommands(program, { terminal, stopSignal });
  addConfigCommands(program, terminal);
  if (!isServer(parameters)) {
    program.option('--tls', 'Encrypt connections; certificates of servers are not checked.');
    await addOperationCommands(program, {
      terminal,
      stopSignal,
      connect: (nameServers) => connect(nameServers, program.opts<{ tls?: true }>().tls === true),
    });
  }
  const exitCode = await runProgram(program, parameters, terminal);
  // A server that cannot go on must not go on: its sockets would keep the process.
  if (isServer(parameters)) process.exit(exitCode);
  process.exitCode = exitCode;
}

async function connect(nameServers: readonly Address[], isTls: boolean): Promise<Connection> {
  const [{ Admin }, { RemotingClient }, { nodeClock, nodeNetwork, nodeRandom }] = await Promise.all(
    [import('../admin/index.ts'), import('../remoting/index.ts'), import('../node/index.ts')],
  );
  const tls = isTls ? { checkServer: false } : undefined;
  const open = () =>
    new RemotingClient({ tls }, { network: nodeNetwork, clock: nodeClock, logger: silentLogger });
  const remoting = open();
  const cpuMs = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  const ports = { remoting, open, cpuMs, clock: nodeClock, random: nodeRandom };
  return {
    admin: new Admin({ nameServers }, ports),
    [Symbol.asyncDispose]: () => remoting.close(),
  };
}
