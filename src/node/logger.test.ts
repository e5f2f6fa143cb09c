import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Failure } from '../base/index.ts';
import { createLogger, type LoggerOptions, type NodeLogger } from './logger.ts';

test('a line has its time, level, component and message before the fields', () => {
  const { logger, lines } = capture({ level: 'info', pretty: false });
  logger.child('log').info('rolled a segment', { segment: 3 });
  const line = JSON.parse(lines[0] ?? '');
  assert.deepEqual(Object.keys(line), ['level', 'time', 'component', 'msg', 'segment']);
  assert.equal(line.level, 'info');
  assert.equal(line.component, 'log');
  assert.equal(line.msg, 'rolled a segment');
  assert.equal(new Date(line.time).toISOString(), line.time);
  assert.ok(lines[0]?.endsWith('\n'));
});

test('levels are set by component, before and while it logs', () => {
  const { logger, messages } = capture({
    level: 'warn',
    levels: { remoting: 'debug' },
    pretty: false,
  });
  const remoting = logger.child('remoting');
  const log = logger.child('log');
  remoting.debug('1');
  log.info('not 2');
  logger.setLevel('error', 'remoting');
  remoting.warn('not 3');
  logger.setLevel('debug');
  log.debug('4');
  logger.debug('5');
  remoting.warn('not 6');
  assert.deepEqual(messages(), ['1', '4', '5']);
});

test('an error is logged with its kind, stack and causes', () => {
  const { logger, lines } = capture({ level: 'info', pretty: false });
  const cause = new Error('EIO');
  logger.error('cannot append', { error: new Failure('corrupt', 'bad block', { cause }) });
  const { error } = JSON.parse(lines[0] ?? '');
  assert.equal(error.message, 'bad block');
  assert.equal(error.kind, 'corrupt');
  assert.match(error.stack, /logger\.test/);
  assert.equal(error.cause.message, 'EIO');
});

test('pretty lines are for people and complete at once', () => {
  const { logger, lines } = capture({ level: 'info', pretty: true });
  logger.child('broker').warn('disk is almost full', { freeBytes: 12 });
  const text = lines.join('');
  assert.match(text, /WARN.*broker: disk is almost full/);
  assert.match(text, /freeBytes.*12/);
});

test('the last line before the process exits is not lost, and standard output stays free', () => {
  for (const pretty of [false, true]) {
    const program = `
      import { createLogger } from ${JSON.stringify(new URL('./logger.js', import.meta.url).href)};
      const logger = createLogger({ level: 'info', pretty: ${pretty} });
      for (let line = 0; line < 1000; line++) logger.info('line', { line });
      logger.error('the end');
      process.exit(3);`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    assert.equal(run.status, 3, run.stderr);
    assert.equal(run.stdout, '');
    assert.match(run.stderr.trimEnd().split('\n').at(-1) ?? '', /the end/);
  }
});

function capture(options: LoggerOptions): {
  logger: NodeLogger;
  lines: string[];
  messages: () => string[];
} {
  const lines: string[] = [];
  const destination = { write: (line: string): void => void lines.push(line) };
  return {
    logger: createLogger({ ...options, destination }),
    lines,
    messages: () => lines.map((line) => JSON.parse(line).msg),
  };
}
