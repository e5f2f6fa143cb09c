import { setMaxListeners } from 'node:events';
import { type Address, describeError } from '../../base/index.ts';
import type { OutgoingRequest } from '../../remoting/index.ts';
import { type Fields, type IncomingCommand, responseCodeName } from '../../wire/index.ts';
import type { Admin, AdminClient } from '../admin.ts';
import { fields } from '../field-types.ts';
import { optional, withDefault } from '../operation.ts';
import { Refusal } from '../refusal.ts';
import { type BenchReport, Tally } from './report.ts';

/** What all benchmarks are told. */
export const loadFields = {
  connections: withDefault(fields.positive, 8, 'Connections.', { valueName: 'n' }),
  inFlight: withDefault(fields.positive, 8, 'Requests under way on each connection.', {
    valueName: 'n',
  }),
  seconds: optional(fields.positive, 'End after so many seconds (default: 10 without --count).', {
    valueName: 'n',
  }),
  count: optional(fields.positive, 'End after so many.', { valueName: 'n' }),
  warmUp: optional(
    fields.natural,
    'Seconds before anything is counted (default: 1 without --count).',
    { valueName: 'seconds' },
  ),
} as const;

export interface LoadInput {
  readonly connections: number;
  readonly inFlight: number;
  readonly seconds: number | undefined;
  readonly count: number | undefined;
  readonly warmUp: number | undefined;
}

/** Does its work once; `false` when there is nothing more to do. */
export type Step = (wire: Wire) => Promise<boolean>;

export interface Work {
  stepFor(worker: number): Step;
  /** What else goes on until the others are done, on a connection of its own. */
  readonly background?: readonly Step[];
}

/** How workers reach brokers: those of one connection share one `Wire`. */
export class Wire {
  readonly tally: Tally;
  /** Aborts when nothing new is to begin. */
  readonly ended: AbortSignal;
  readonly #open: AdminClient['connection'];
  readonly #now: () => number;

  constructor(
    tally: Tally,
    ended: AbortSignal,
    open: AdminClient['connection'],
    now: () => number,
  ) {
    this.tally = tally;
    this.ended = ended;
    this.#open = open;
    this.#now = now;
  }

  /** The answer, when its code is one of `successes`; a failure is counted. The time of the answer counts unless told otherwise. */
  async ask<F extends Fields>(
    to: Address,
    request: OutgoingRequest<F>,
    successes: readonly number[],
    { isMeasured = true }: { readonly isMeasured?: boolean } = {},
  ): Promise<IncomingCommand | undefined> {
    try {
      const connection = await this.#open(to);
      const beganMs = this.#now();
      const response = await connection.request(request, requestTimeoutMs);
      if (successes.includes(response.code)) {
        if (isMeasured) this.tally.took(this.#now() - beganMs);
        return response;
      }
      this.tally.failed(
        responseCodeName(response.code),
        new Refusal(response.code, response.remark ?? ''),
      );
    } catch (error) {
      this.tally.failed(describeError(error), error);
    }
    return undefined;
  }
}

const requestTimeoutMs = 30_000;
const defaultSeconds = 10;
const reportEveryMs = 1_000;
/** A worker whose request failed waits, so that a broker that refuses is not flooded. */
const pauseAfterFailureMs = 100;

/**
 * Runs `connections` times `inFlight` workers until the time is over or nobody has anything to do. Gives a report each
 * second and the result at the end, also when it is stopped early. Fails as the first request did when none succeeded.
 */
export async function* underLoad(
  admin: Admin,
  input: LoadInput,
  measured: string,
  work: Work,
  stop: AbortSignal,
): AsyncGenerator<BenchReport> {
  const { clock } = admin;
  const tally = new Tally(measured);
  const seconds = input.seconds ?? (input.count === undefined ? defaultSeconds : undefined);
  const warmUp = input.warmUp ?? (input.count === undefined ? 1 : 0);
  const ended = new AbortController();
  setMaxListeners(0, ended.signal); // Each worker listens.
  const end = (): void => ended.abort();
  if (stop.aborted) end();
  stop.addEventListener('abort', end, { once: true });
  const clients: AdminClient[] = [];
  const openWire = (): Wire => {
    const client = admin.open();
    clients.push(client);
    return new Wire(
      tally,
      ended.signal,
      (to) => client.connection(to),
      () => clock.monotonicMs(),
    );
  };
  const repeat = async (step: Step, wire: Wire): Promise<void> => {
    while (!ended.signal.aborted) {
      const { failures } = tally;
      if (!(await step(wire))) return;
      if (tally.failures !== failures) await clock.sleep(pauseAfterFailureMs, ended.signal);
    }
  };
  let isOver = false;
  const background = openWire();
  // Ended by the end of its connection; what it waits for then is nobody's failure.
  for (const step of work.background ?? []) repeat(step, background).catch(end);
  const workers = Array.from({ length: input.connections }, openWire).flatMap((wire, connection) =>
    Array.from({ length: input.inFlight }, (_, slot) =>
      repeat(work.stepFor(connection * input.inFlight + slot), wire),
    ),
  );
  const over = Promise.all(workers).finally(() => {
    isOver = true;
    end();
  });
  over.catch(() => {}); // Told where it is awaited.
  try {
    if (warmUp > 0) {
      await clock.sleep(warmUp * 1000, ended.signal);
      if (!isOver) tally.restart();
    }
    const beginMs = clock.monotonicMs();
    const beginBusyMs = admin.cpuMs();
    let lastMs = beginMs;
    let lastBusyMs = beginBusyMs;
    while (!ended.signal.aborted) {
      const leftMs = seconds === undefined ? reportEveryMs : beginMs + seconds * 1000 - lastMs;
      await clock.sleep(Math.max(1, Math.min(reportEveryMs, leftMs)), ended.signal);
      const nowMs = clock.monotonicMs();
      if (seconds !== undefined && nowMs - beginMs >= seconds * 1000) end();
      if (ended.signal.aborted) break;
      const busyMs = admin.cpuMs();
      const stretchMs = Math.max(0.001, nowMs - lastMs);
      yield tally.progress(
        (nowMs - beginMs) / 1000,
        stretchMs / 1000,
        (busyMs - lastBusyMs) / stretchMs,
      );
      lastMs = nowMs;
      lastBusyMs = busyMs;
    }
    const elapsedMs = Math.max(0.001, clock.monotonicMs() - beginMs);
    const result = tally.result(elapsedMs / 1000, (admin.cpuMs() - beginBusyMs) / elapsedMs);
    // Requests that are still on their way do not count; what they do must be over before this ends.
    await over;
    if (tally.count === 0 && tally.firstFailure !== undefined) throw tally.firstFailure;
    yield result;
  } finally {
    end();
    stop.removeEventListener('abort', end);
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  }
}
