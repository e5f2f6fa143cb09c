import {
  type ChangesFile,
  type Disk,
  formatProperties,
  keysWithoutEffect,
  type Logger,
  RuntimeOptions,
  type Setting,
  type TimestampMs,
  toldKeys,
} from '../base/index.ts';
import { changesFile } from '../log/index.ts';
import {
  type Answer,
  networkKeys,
  type RemotingConnection,
  updateOptions,
} from '../remoting/index.ts';
import { type IncomingCommand, ResponseCode } from '../wire/index.ts';
import { type NameServerOptions, nameServerOptions, refusedNameServerKeys } from './options.ts';
import { nameServerKeys } from './rocketmq-keys.ts';
import { decodeText } from './text.ts';

/** The keys that a Java name server tells of: those of its own class and of its network. */
const knownGroups = [...nameServerKeys, ...networkKeys].filter(
  ({ javaClass }) => !['ControllerConfig', 'NettyClientConfig'].includes(javaClass),
);

/** The options that were changed while the name server ran; undefined when none can. */
export const nameServerChangesOf = (
  { configStorePath: path }: Pick<NameServerOptions, 'configStorePath'>,
  disk: Disk,
): ChangesFile | undefined => (path === undefined ? undefined : changesFile(disk, path));

/** The options of this name server as they are now: GET_NAMESRV_CONFIG (319), UPDATE_NAMESRV_CONFIG (318). */
export class Configuration {
  readonly #runtime: RuntimeOptions<typeof nameServerOptions>;
  readonly #withoutEffect: readonly Setting[];
  readonly #logger: Logger;

  /** Fails `corrupt` when the file of changes is damaged. */
  static async open(
    configured: NameServerOptions,
    withoutEffect: readonly Setting[],
    ports: { readonly disk: Disk; readonly logger: Logger; readonly now: () => TimestampMs },
  ): Promise<Configuration> {
    const runtime = await RuntimeOptions.open({
      table: nameServerOptions,
      configured,
      rules: {
        // No option that may change is a path.
        places: { homeFolder: '/', workingFolder: '/' },
        refused: refusedNameServerKeys,
        withoutEffect: keysWithoutEffect(knownGroups),
      },
      file: nameServerChangesOf(configured, ports.disk),
      now: ports.now,
    });
    return new Configuration(runtime, withoutEffect, ports.logger);
  }

  private constructor(
    runtime: RuntimeOptions<typeof nameServerOptions>,
    withoutEffect: readonly Setting[],
    logger: Logger,
  ) {
    this.#runtime = runtime;
    this.#logger = logger;
    this.#withoutEffect = withoutEffect;
    runtime.logTo(logger);
  }

  /** One object, in which values change. */
  get options(): NameServerOptions {
    return this.#runtime.values;
  }

  /** Properties text. */
  text(): string {
    return formatProperties(toldKeys(knownGroups, this.#runtime.texts(), this.#withoutEffect));
  }

  /** All settings of the body or none. */
  async update(connection: RemotingConnection, request: IncomingCommand): Promise<Answer> {
    const outcome = await updateOptions(
      this.#runtime,
      decodeText(request.body),
      connection,
      this.#logger,
    );
    if ('refused' in outcome) return outcome.refused;
    return { code: ResponseCode.SUCCESS };
  }
}
