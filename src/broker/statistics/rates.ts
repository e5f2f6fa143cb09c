/** Windows in which the runtime information states a rate, in seconds. */
const windows = [10, 60, 600] as const;
const maxSamples = 601;

/** What is counted each second, for the rates of GET_BROKER_RUNTIME_INFO (28). Source: `StoreStatsService`. */
export class Rates {
  readonly #samples: number[] = [];

  /** To be called each second with the total so far. */
  sample(total: number): void {
    this.#samples.push(total);
    if (this.#samples.length > maxSamples) this.#samples.shift();
  }

  /** Per second over the last `seconds`; undefined while it has not counted for so long. */
  over(seconds: number): number | undefined {
    const last = this.#samples.length - 1;
    const before = last - seconds;
    if (before < 0) return undefined;
    return ((this.#samples[last] as number) - (this.#samples[before] as number)) / seconds;
  }
}

/** The rates of the three windows as RocketMQ words them: one that is not known yet is empty. */
export function ratesText(rates: Rates): string {
  return windows.map((seconds) => doubleText(rates.over(seconds))).join(' ');
}

/** The rates of both together; what is not known yet counts as none. */
export function sumOfRatesText(one: Rates, other: Rates): string {
  return windows
    .map((seconds) => doubleText((one.over(seconds) ?? 0) + (other.over(seconds) ?? 0)))
    .join(' ');
}

/** As Java prints a double of this size: always with a fraction. */
function doubleText(value: number | undefined): string {
  if (value === undefined) return '';
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}
