import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import {
  commandLineSettings,
  developmentSettings,
  type Role,
  settingsOf,
} from './configuration.ts';
import { serve } from './serve.ts';
import type { DevOptions, ServerContext, StartOptions } from './server-commands.ts';
import { configure, installationSources, readRoles } from './sources.ts';

/** `holdfast dev` */
export async function launchDev(options: DevOptions, context: ServerContext): Promise<void> {
  const roles = new Set<Role>(['nameserver', 'broker']);
  const dataFolder = resolve(options.data ?? `${tmpdir()}/holdfast-${randomName()}`);
  const configuration = configure(roles, [
    developmentSettings(dataFolder),
    settingsOf('--namesrv-port', { 'nameserver.listenPort': options.namesrvPort }),
    settingsOf('--broker-port', { 'broker.listenPort': options.brokerPort }),
    commandLineSettings(options.set ?? []),
  ]);
  const isTemporary = options.data === undefined;
  const plan = { roles, configuration, dataFolder, isTemporary, json: options.json === true };
  await serve(plan, context.terminal, context.stopSignal());
}

const randomName = (): string => randomBytes(4).toString('hex');

/** `holdfast start` */
export async function launchRoles(options: StartOptions, context: ServerContext): Promise<void> {
  const roles = readRoles(options.role);
  const sources = await installationSources(options.config, options.set ?? []);
  const configuration = configure(roles, sources);
  const dataFolder = configuration.options.broker.storePath;
  const plan = {
    roles,
    configuration,
    dataFolder,
    isTemporary: false,
    json: options.json === true,
  };
  await serve(plan, context.terminal, context.stopSignal());
}
