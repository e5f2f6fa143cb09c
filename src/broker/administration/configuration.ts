import {
  type ChangesFile,
  type Disk,
  describeError,
  formatProperties,
  keysWithoutEffect,
  type Logger,
  type OptionChange,
  RuntimeOptions,
  type Setting,
  type TimestampMs,
  toldKeys,
} from '../../base/index.ts';
import { changesFile } from '../../log/index.ts';
import {
  type Answer,
  handleAsync,
  networkKeys,
  type RemotingConnection,
  updateOptions,
} from '../../remoting/index.ts';
import {
  DataVersion,
  GetBrokerConfigResponse,
  type IncomingCommand,
  ResponseCode,
} from '../../wire/index.ts';
import { type BrokerOptions, brokerOptions, refusedBrokerKeys } from '../options.ts';
import { brokerKeys } from '../rocketmq-keys.ts';
import { largestMessageBytes } from '../store-options.ts';

const knownGroups = [...brokerKeys, ...networkKeys];

/** The options that were changed while the broker of this store ran. */
export const brokerChangesOf = (
  { storePath }: Pick<BrokerOptions, 'storePath'>,
  disk: Disk,
): ChangesFile => changesFile(disk, `${storePath}/config/broker.changes`);

/** The options of this broker as they are now: GET_BROKER_CONFIG (26), UPDATE_BROKER_CONFIG (25). */
export class Configuration {
  /** Carries out what a change means beyond the values, which are in force already. */
  onChange: (changes: readonly OptionChange[]) => Promise<void> = async () => {};
  readonly #runtime: RuntimeOptions<typeof brokerOptions>;
  readonly #withoutEffect: readonly Setting[];
  readonly #logger: Logger;

  /** Fails `corrupt` when the file of changes is damaged. */
  static async open(
    configured: BrokerOptions,
    withoutEffect: readonly Setting[],
    ports: { readonly disk: Disk; readonly logger: Logger; readonly now: () => TimestampMs },
  ): Promise<Configuration> {
    const runtime = await RuntimeOptions.open({
      table: brokerOptions,
      configured,
      rules: {
        // No option that may change is a path.
        places: { homeFolder: '/', workingFolder: '/' },
        refused: refusedBrokerKeys,
        withoutEffect: keysWithoutEffect(knownGroups),
      },
      file: brokerChangesOf(configured, ports.disk),
      now: ports.now,
      problemsOf: ({ maxMessageBytes }) => {
        const largest = largestMessageBytes(configured);
        return maxMessageBytes > largest
          ? [`maxMessageSize: more than ${largest} takes a restart with that value in the file`]
          : [];
      },
    });
    return new Configuration(runtime, withoutEffect, ports.logger);
  }

  private constructor(
    runtime: RuntimeOptions<typeof brokerOptions>,
    withoutEffect: readonly Setting[],
    logger: Logger,
  ) {
    this.#runtime = runtime;
    this.#logger = logger;
    this.#withoutEffect = withoutEffect;
    runtime.logTo(logger);
  }

  /** One object, in which values change. */
  get options(): BrokerOptions {
    return this.#runtime.values;
  }

  get(connection: RemotingConnection, request: IncomingCommand): void {
    const { counter, timestamp } = this.#runtime.version;
    const version = DataVersion.encode({
      counter,
      stateVersion: 0,
      timestamp: timestamp as TimestampMs,
    });
    const told = toldKeys(knownGroups, this.#runtime.texts(), this.#withoutEffect);
    connection.answer(request, {
      code: ResponseCode.SUCCESS,
      header: [GetBrokerConfigResponse, { version: new TextDecoder().decode(version) }],
      body: new TextEncoder().encode(formatProperties(told)),
    });
  }

  /** All settings of the body or none; unlike in Java a setting that has no effect is refused by name. */
  update(connection: RemotingConnection, request: IncomingCommand): void {
    handleAsync(connection, request, async (): Promise<Answer> => {
      const text = new TextDecoder().decode(request.body);
      const outcome = await updateOptions(this.#runtime, text, connection, this.#logger);
      if ('refused' in outcome) return outcome.refused;
      const { changes } = outcome;
      try {
        if (changes.length > 0) await this.onChange(changes);
      } catch (error) {
        const remark = `the change is kept, but not all of it is carried out: ${describeError(error)}`;
        return { code: ResponseCode.SYSTEM_ERROR, remark };
      }
      return { code: ResponseCode.SUCCESS };
    });
  }
}
