import type { CommandContext } from '../commands.ts';
import { UsageMistake } from '../exit-codes.ts';
import { readNameServers } from '../run-operation.ts';
import { clusterList } from './clusters.ts';
import type { ToolCommand } from './command.ts';
import { consumerProgress, deleteSubGroup, resetOffsetByTime, updateSubGroup } from './groups.ts';
import { commonToolOptions, missingOptions, readToolOptions, usageOf } from './options.ts';
import { deleteTopic, topicList, topicRoute, topicStatus, updateTopic } from './topics.ts';

/** The commands of RocketMQ's tool that scripts use most, with its options, columns and texts. */
export const toolCommands: readonly ToolCommand[] = [
  updateTopic,
  deleteTopic,
  topicList,
  topicRoute,
  topicStatus,
  clusterList,
  updateSubGroup,
  deleteSubGroup,
  consumerProgress,
  resetOffsetByTime,
];

export async function runMqadmin(words: readonly string[], context: CommandContext): Promise<void> {
  const { terminal } = context;
  const [name, ...rest] = words;
  if (name === undefined || name === 'help' || name === '-h' || name === '--help') {
    const command = toolCommands.find((one) => one.name === rest[0]);
    terminal.write(command === undefined ? overview() : usage(command));
    return;
  }
  const command = toolCommands.find((one) => one.name === name);
  if (command === undefined) throw new UsageMistake(`The sub command ${name} not exist.`);
  const options = [...command.options, ...commonToolOptions];
  const given = readOrExplain(command, rest);
  if (given.has('help')) {
    terminal.write(usage(command));
    return;
  }
  const missing = missingOptions(given, options);
  if (missing !== undefined) {
    terminal.writeError(`${missing}\n${usage(command)}`);
    throw new UsageMistake();
  }
  const problems: string[] = [];
  const nameServers = readNameServers(given.get('namesrvAddr'), terminal, problems);
  if (problems.length > 0) throw new UsageMistake(...problems);
  await using connection = await context.connect(nameServers);
  await command.run({
    admin: connection.admin,
    terminal,
    given,
    write: (text) => terminal.write(text),
  });

  function readOrExplain({ name: command }: ToolCommand, given: readonly string[]) {
    try {
      return readToolOptions(given, options);
    } catch (error) {
      if (!(error instanceof UsageMistake)) throw error;
      throw new UsageMistake(...error.problems, `see: mqadmin help ${command}`);
    }
  }
}

const usage = ({ name, options }: ToolCommand): string =>
  usageOf(name, [...options, ...commonToolOptions]);

function overview(): string {
  const width = Math.max(...toolCommands.map(({ name }) => name.length));
  const lines = toolCommands.map(({ name, summary }) => `   ${name.padEnd(width)}  ${summary}\n`);
  return `The most commonly used mqadmin commands are:\n${lines.join('')}\nSee 'mqadmin help <command>' for more information on a specific command.\n`;
}
