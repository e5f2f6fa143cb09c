import type { OptionType } from '../../base/index.ts';

const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** A level is a queue, and its number a property of each message. */
const mostLevels = 1000;

/** How long messages of each delay level wait, level 1 first: `1s 5s 10s`. Source: `ScheduleMessageService.parseDelayLevel`. */
export const delayLevels: OptionType<readonly number[]> = {
  name: 'durations',
  parse: (input) => {
    const parts = input.trim().split(/\s+/);
    const value: number[] = [];
    for (const part of parts) {
      const match = /^(\d{1,9})([smhd])$/.exec(part);
      if (match === null) {
        return { problem: `must be durations such as 1s 5m 2h with blanks between, not "${part}"` };
      }
      value.push(Number(match[1]) * units[match[2] as keyof typeof units]);
    }
    if (parts.length > mostLevels) return { problem: `must be at most ${mostLevels} durations` };
    return { value };
  },
  format: (value) => value.map(formatLevel).join(' '),
};

function formatLevel(delayMs: number): string {
  const fitting = Object.entries(units).findLast(([, unit]) => delayMs % unit === 0);
  const [name, unit] = delayMs === 0 || fitting === undefined ? ['s', units.s] : fitting;
  return `${delayMs / unit}${name}`;
}

const [second, minute, hour] = [units.s, units.m, units.h];

/** Of RocketMQ: levels 1 to 18. */
export const defaultDelayLevelsMs: readonly number[] = [
  ...[1, 5, 10, 30].map((count) => count * second),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30].map((count) => count * minute),
  ...[1, 2].map((count) => count * hour),
];
