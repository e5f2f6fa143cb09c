import type { Command } from 'commander';
import { offer } from '../cli/index.ts';
import type { NodeAction } from './cluster/control.ts';
import { collect, type ServerContext } from './server-commands.ts';

/** `cluster`: a replicated group on this machine, for development, tests and experiments with failures. */
export function addClusterCommands(program: Command, context: ServerContext): void {
  const cluster = program
    .command('cluster')
    .summary('Run a replicated group on this machine, to try what failures do.')
    .description(
      'Run a replicated group on this machine: a name server, a controller and brokers, each a process of its own. A node that dies stays dead until it is started.',
    )
    .helpCommand(false)
    .option('--replicas <count>', 'Brokers in a group: 1, 2 or 3.', '2')
    .option('--groups <count>', 'Broker groups.', '1')
    .option('--static', 'No controller: replica 1 of each group is the master for good.')
    .option(
      '--data <folder>',
      'Where the nodes are kept. Without it: a temporary folder, removed at the end.',
    )
    .option('--namesrv-port <port>', 'Port of the name server. Without it: a free one.')
    .option(
      '--set <key=value>',
      'An option of all brokers; with nameserver. or controller. before it, of those. May be repeated.',
      collect,
    )
    .option('--json', 'First line on standard output: one JSON object, when it can serve.')
    .action(async (options: ClusterOptions) =>
      (await import('./cluster/run.ts')).runCluster(options, context),
    );
  const control = () => import('./cluster/control.ts');
  cluster
    .command('status')
    .summary('Show the nodes of a running cluster.')
    .description('Show the nodes of a running cluster: what they are, and whether they run.')
    .option(...dataOption)
    .option('-w, --watch [seconds]', 'Show again every so often (2 s).')
    .option('-o, --output <format>', 'table for people; json for programs.', 'table')
    .action(async (_own: object, command: Command) =>
      (await control()).showStatus(command.optsWithGlobals<StatusOptions>(), context),
    );
  for (const [action, summary] of Object.entries(nodeActions)) {
    const command = cluster
      .command(`${action} <node>`)
      .summary(summary)
      .description(summary)
      .option(...dataOption)
      .action(async (node: string, _own: object, command: Command) => {
        const { data } = command.optsWithGlobals<{ readonly data?: string }>();
        await (await control()).actOn(action as NodeAction, node, data); // Keys of the table.
      });
    offer(command, async () => (await control()).nodesFor(action as NodeAction));
  }
  cluster
    .command('stop')
    .summary('Stop a running cluster in order.')
    .description('Stop a running cluster in order.')
    .option(...dataOption)
    .action(async (_own: object, command: Command) => {
      const { data } = command.optsWithGlobals<{ readonly data?: string }>();
      await (await control()).stopCluster(data);
    });
}

const dataOption = [
  '--data <folder>',
  'Folder of the cluster. Not needed while only one of yours runs.',
] as const;

const nodeActions: Readonly<Record<NodeAction, string>> = {
  kill: 'End a node at once, as kill -9 does.',
  pause: 'Halt a node where it is (SIGSTOP).',
  resume: 'Let a paused node go on (SIGCONT).',
  start: 'Start a node that is dead.',
};

export interface ClusterOptions {
  readonly replicas: string;
  readonly groups: string;
  readonly static?: boolean;
  readonly data?: string;
  readonly namesrvPort?: string;
  readonly set?: readonly string[];
  readonly json?: boolean;
}

export interface StatusOptions {
  readonly data?: string;
  readonly watch?: string | true;
  readonly output: string;
}
