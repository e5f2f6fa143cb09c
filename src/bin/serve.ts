import { type Address, Failure, isFailure, type Logger, version } from '../base/index.ts';
import type { BrokerDescription, BrokerOptions } from '../broker/index.ts';
import type { Terminal } from '../cli/index.ts';
import {
  createLogger,
  nodeClock,
  nodeDisk,
  nodeHttp,
  nodeKeyValueStores,
  nodeNetwork,
  nodeRandom,
  readBootId,
  startProcessMeter,
} from '../node/index.ts';
import type { Configuration, Role } from './configuration.ts';
import type { ProcessOptions } from './process-options.ts';
import { friendlyText, type Ready, readyLine } from './ready.ts';

export interface ServePlan {
  readonly roles: ReadonlySet<Role>;
  readonly configuration: Configuration;
  readonly dataFolder: string;
  /** The data folder is removed at the end. */
  readonly isTemporary: boolean;
  /** Say that it can serve in one line of JSON. */
  readonly json: boolean;
}

interface Service {
  readonly name: Role;
  stop(): Promise<void>;
}

/**
 * Runs the roles until `stop` aborts and stops them in order. Throws when they cannot start, after having stopped those
 * that had, and at once when one cannot go on: after a failed fsync nothing may be written any more, so that nothing is
 * stopped in order then and the process must end.
 */
export async function serve(plan: ServePlan, terminal: Terminal, stop: AbortSignal): Promise<void> {
  const { options, withoutEffect } = plan.configuration;
  const logger = createLogger({
    level: options.process.logLevel,
    levels: options.process.logLevels,
    pretty: isForPerson(options.process.logFormat),
  });
  const log = logger.child('process');
  log.info(`holdfast ${version} starts`, {
    roles: [...plan.roles],
    pid: process.pid,
    node: process.version,
  });
  if (withoutEffect.length > 0) {
    const keys = withoutEffect.map(({ key }) => key);
    log.info('some keys of RocketMQ have no effect here', { keys });
  }
  const services: Service[] = [];
  let failed: Promise<Error>;
  try {
    const started = await startRoles(plan, logger, services, stop);
    failed = started.failed;
    terminal.write(plan.json ? readyLine(started.ready) : friendlyText(started.ready));
  } catch (error) {
    await stopAll(services, log).catch(() => {}); // That it could not start is what to tell.
    await removeTemporary(plan);
    if (stop.aborted && isFailure(error, 'closed'))
      return log.info('stopped before it could serve');
    throw error;
  }
  const failure = await Promise.race([aborted(stop), failed]);
  if (failure !== undefined) throw ended('this process cannot go on', failure);
  log.info('stopping', { cause: String(stop.reason) });
  await stopAll(services, log);
  await removeTemporary(plan);
  log.info('stopped');
}

/** Adds what it starts to `services`. */
async function startRoles(
  plan: ServePlan,
  logger: Logger,
  services: Service[],
  stop: AbortSignal,
): Promise<{ readonly ready: Ready; readonly failed: Promise<Error> }> {
  const { roles, dataFolder, isTemporary } = plan;
  const { options, withoutEffect } = plan.configuration;
  const ports = {
    clock: nodeClock,
    disk: nodeDisk,
    keyValueStores: nodeKeyValueStores,
    network: nodeNetwork,
    random: nodeRandom,
    logger,
    http: nodeHttp,
    bootId: readBootId(),
    startProcessMeter,
  };
  let nameServer: Address | undefined;
  const brokers: BrokerDescription[] = [];
  const failures: Promise<Error>[] = [];
  // A role is loaded only where it runs.
  if (roles.has('nameserver')) {
    const { NameServer } = await import('../nameserver/index.ts');
    const started = await starting(
      'name server',
      NameServer.start(options.nameserver, ports, undefined, withoutEffect),
    );
    services.push({ name: 'nameserver', stop: () => started.stop() });
    nameServer = reachable(started.address);
  }
  let controller: Address | undefined;
  if (roles.has('controller')) {
    const { Controller } = await import('../controller/index.ts');
    const started = await starting('controller', Controller.start(options.controller, ports));
    services.push({ name: 'controller', stop: () => started.stop() });
    failures.push(started.failed);
    controller = reachable(started.address);
  }
  if (roles.has('broker')) {
    const { Broker } = await import('../broker/index.ts');
    const brokerOptions = withNameServer(options.broker, nameServer);
    const started = await starting(
      'broker',
      Broker.start(brokerOptions, ports, withoutEffect, stop),
    );
    services.push({ name: 'broker', stop: () => started.stop() });
    brokers.push(started.describe());
    failures.push(started.failed);
  }
  const ready = { nameServer, controller, brokers, dataFolder, isTemporary, pid: process.pid };
  return { ready, failed: Promise.race(failures) };
}

async function starting<T>(what: string, start: Promise<T>): Promise<T> {
  try {
    return await start;
  } catch (error) {
    throw ended(`the ${what} cannot start`, error);
  }
}

/** Whatever the kind was for the part that failed: for this process it is the end. */
const ended = (what: string, cause: unknown): Failure => new Failure('closed', what, { cause });

/** The broker first, so that it can take leave of the name server. One that fails to stop does not keep the other up. */
async function stopAll(services: readonly Service[], log: Logger): Promise<void> {
  const failures: unknown[] = [];
  for (const { name, stop } of [...services].reverse()) {
    try {
      await stop();
    } catch (error) {
      log.error(`the ${name} did not stop cleanly`, { error });
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

async function removeTemporary({ isTemporary, dataFolder }: ServePlan): Promise<void> {
  if (isTemporary) await nodeDisk.remove(dataFolder);
}

function isForPerson(format: ProcessOptions['logFormat']): boolean {
  return format === 'auto' ? process.stderr.isTTY === true : format === 'pretty';
}

/** The name servers of the configuration; without any, the one in this process. */
function withNameServer(options: BrokerOptions, own: Address | undefined): BrokerOptions {
  if (own === undefined || options.nameServers.length > 0) return options;
  return { ...options, nameServers: [own] };
}

/** Where a listener on all addresses can be reached from this machine. */
function reachable(address: Address): Address {
  const isAnywhere = address.host === '0.0.0.0' || address.host === '::';
  return isAnywhere ? { ...address, host: '127.0.0.1' } : address;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
