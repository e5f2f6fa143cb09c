import {
  type LogLevel,
  type OptionsOf,
  type OptionType,
  option,
  optionTypes,
} from '../base/index.ts';

const { choice } = optionTypes;

const logLevels = ['debug', 'info', 'warn', 'error'] as const;

const componentLevels: OptionType<Readonly<Record<string, LogLevel>>> = {
  name: 'component=level,component=level',
  parse: (input) => {
    const levels: Record<string, LogLevel> = {};
    for (const part of input.split(',').map((piece) => piece.trim())) {
      if (part === '') continue;
      const [component = '', name] = part.split('=');
      const level = logLevels.find((one) => one === name);
      if (component === '' || level === undefined) {
        return {
          problem: `must be COMPONENT=LEVEL with a level of ${logLevels.join(', ')}, not "${part}"`,
        };
      }
      levels[component] = level;
    }
    return { value: levels };
  },
  format: (value) =>
    Object.entries(value)
      .map(([component, level]) => `${component}=${level}`)
      .join(','),
};

/** What any process can be told, whatever its roles. */
export const processOptions = {
  logLevel: option({
    type: choice(...logLevels),
    default: 'info',
    description: 'The least important lines that are logged.',
  }),
  logLevels: option({
    type: componentLevels,
    default: {},
    description: 'Levels of components that differ, such as `store=debug,remoting=warn`.',
  }),
  logFormat: option({
    type: choice('auto', 'json', 'pretty'),
    default: 'auto',
    description: 'JSON lines, or lines for a person; auto is for a person at a terminal.',
  }),
} as const;

export type ProcessOptions = OptionsOf<typeof processOptions>;
