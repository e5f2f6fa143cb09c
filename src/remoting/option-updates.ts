import {
  formatAddress,
  type Logger,
  type OptionChange,
  type OptionTable,
  type RuntimeOptions,
} from '../base/index.ts';
import { ResponseCode } from '../wire/index.ts';
import type { Answer, RemotingConnection } from './connection.ts';

/**
 * UPDATE_BROKER_CONFIG (25) and UPDATE_NAMESRV_CONFIG (318): all settings of the text or none. The changes are in force
 * and logged when it returns.
 */
export async function updateOptions<Table extends OptionTable>(
  runtime: RuntimeOptions<Table>,
  text: string,
  from: RemotingConnection,
  logger: Logger,
): Promise<{ readonly changes: readonly OptionChange[] } | { readonly refused: Answer }> {
  const outcome = await runtime.update(text);
  if ('locked' in outcome) {
    // The text is RocketMQ's.
    const remark = 'Can not update config in black list.';
    return { refused: { code: ResponseCode.NO_PERMISSION, remark } };
  }
  if ('problems' in outcome) {
    const remark = outcome.problems.join('; ');
    return { refused: { code: ResponseCode.INVALID_PARAMETER, remark } };
  }
  for (const { key, before, after } of outcome.changes) {
    const by = formatAddress(from.remote);
    logger.info('an option was changed', { key, before, after, by });
  }
  return outcome;
}
