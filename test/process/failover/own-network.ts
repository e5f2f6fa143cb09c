import { ended, run, start } from '../../interop/support/processes.ts';

const probeLimitMs = 10_000;
const variable = 'HOLDFAST_OWN_NETWORK';
const unshare = ['--map-root-user', '--net'];
/** So that rules can come before the routes of the machine itself. */
const prepare = 'ip link set lo up && ip rule add pref 10 lookup local && ip rule del pref 0';

export const isInOwnNetwork = (): boolean => process.env[variable] !== undefined;

/** Runs this program once more, in a network of its own, and returns its exit code; or why that is not possible. */
export async function againInOwnNetwork(): Promise<number | string> {
  const probe = await run('unshare', [...unshare, 'bash', '-c', prepare], {
    limitMs: probeLimitMs,
  }).catch((failure: Error) => ({ code: 1, stderr: failure.message }));
  if (probe.code !== 0) return probe.stderr.trim();
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const script = `${prepare} && exec "$@"`;
  const child = start('unshare', [...unshare, 'bash', '-c', script, '--', ...command], {
    stdio: 'inherit',
    env: { ...process.env, [variable]: '1' },
  });
  return (await ended(child)).code ?? 1;
}
