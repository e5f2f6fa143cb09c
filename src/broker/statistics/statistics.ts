import type { Clock } from '../../base/index.ts';
import {
  type AppliedChange,
  isSystemTopic,
  type MetadataReader,
  type MetadataSettings,
  Table,
} from '../../views/metadata/index.ts';
import { PutTimes } from './put-times.ts';
import { Rates } from './rates.ts';
import { StatsItem } from './stats-item.ts';
import { Ticks } from './ticks.ts';
import { TopicStatistics } from './topic-statistics.ts';

/** Messages of a kind up to the beginning of a day. */
export interface DailyTotals {
  yesterdayMorning: number;
  todayMorning: number;
}

/**
 * What the broker counts, since its start: memory of this node only. The paths of messages hold the counters of their
 * topic and group and add to them; everything else is worked out when somebody asks. Source of names and windows:
 * `BrokerStatsManager`, `StoreStatsService`, `BrokerStats`.
 */
export class Statistics {
  readonly startedAt: number;
  readonly putTimes = new PutTimes();
  readonly putRates = new Rates();
  readonly foundRates = new Rates();
  readonly missRates = new Rates();
  readonly transferredRates = new Rates();
  readonly dailyPuts: DailyTotals = { yesterdayMorning: 0, todayMorning: 0 };
  readonly dailyGets: DailyTotals = { yesterdayMorning: 0, todayMorning: 0 };
  readonly brokerPuts: StatsItem;
  readonly brokerPutBytes: StatsItem;
  readonly brokerGets: StatsItem;
  readonly putsWithoutSystem: StatsItem;
  readonly getsWithoutSystem: StatsItem;
  /** How long registering took, in milliseconds. */
  readonly consumerRegisterTime: StatsItem;
  readonly producerRegisterTime: StatsItem;
  /** Sends that wait for their acknowledgement. */
  waitingSends = 0;
  /** Sends that were refused although their topic and size were good. */
  failedPuts = 0;
  /** Pulls that found messages, and those that did not. */
  foundPulls = 0;
  missedPulls = 0;
  longestGetMs = 0;
  readonly #clock: Clock;
  readonly #settings: MetadataSettings;
  readonly #ticks: Ticks;
  readonly #topics = new Map<string, TopicStatistics>();
  /** The day of the month, local time as with RocketMQ. */
  #day: number;
  /** Arrival times of messages that were acknowledged, until the clock is read for all of them. */
  readonly #acknowledged: number[] = [];

  constructor(settings: MetadataSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.startedAt = clock.now();
    this.#day = dayOf(this.startedAt);
    this.#ticks = new Ticks(clock, () => this.#second());
    this.brokerPuts = new StatsItem(this.#ticks);
    this.brokerPutBytes = new StatsItem(this.#ticks);
    this.brokerGets = new StatsItem(this.#ticks);
    this.putsWithoutSystem = new StatsItem(this.#ticks);
    this.getsWithoutSystem = new StatsItem(this.#ticks);
    this.consumerRegisterTime = new StatsItem(this.#ticks);
    this.producerRegisterTime = new StatsItem(this.#ticks);
  }

  start(): void {
    this.#ticks.start();
  }

  stop(): void {
    this.#ticks.stop();
  }

  /** Gets or creates. */
  topic(name: string): TopicStatistics {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      const isSystem = isSystemTopic(name, this.#settings);
      topic = new TopicStatistics(name, isSystem, this, this.#ticks);
      this.#topics.set(name, topic);
    }
    return topic;
  }

  find(name: string): TopicStatistics | undefined {
    return this.#topics.get(name);
  }

  /** Topics that had messages since the start, or consumers. */
  topics(): IterableIterator<TopicStatistics> {
    return this.#topics.values();
  }

  /** What is counted of deleted topics and groups goes, unless they exist again by now. */
  forgetDeleted(changes: readonly AppliedChange[], state: MetadataReader): void {
    for (const { table, key, after } of changes) {
      if (after !== undefined) continue;
      if (table === Table.topic) {
        const name = new TextDecoder().decode(key);
        if (state.topicRow(name) === undefined) this.#topics.delete(name);
      } else if (table === Table.subscriptionGroup) {
        const name = new TextDecoder().decode(key);
        if (state.groupRow(name) !== undefined) continue;
        for (const topic of this.#topics.values()) topic.forgetGroup(name);
      }
    }
  }

  /** A message that arrived at `arrivedAt`, wall time, is acknowledged. `settle` follows in the same turn. */
  acknowledged(arrivedAt: number): void {
    this.#acknowledged.push(arrivedAt);
  }

  /** Answers went out: reads the clock once for all that were acknowledged. */
  settle(): void {
    const acknowledged = this.#acknowledged;
    if (acknowledged.length === 0) return;
    const now = this.#clock.now();
    for (const arrivedAt of acknowledged) this.putTimes.add(now - arrivedAt);
    acknowledged.length = 0;
  }

  /** A pull of messages that took so long. */
  found(elapsedMs: number): void {
    this.foundPulls++;
    if (elapsedMs > this.longestGetMs) this.longestGetMs = elapsedMs;
  }

  missed(): void {
    this.missedPulls++;
  }

  #second(): void {
    this.putRates.sample(this.brokerPuts.value);
    this.foundRates.sample(this.foundPulls);
    this.missRates.sample(this.missedPulls);
    this.transferredRates.sample(this.brokerGets.value);
    this.putTimes.second();
    const day = dayOf(this.#clock.now());
    if (day === this.#day) return;
    this.#day = day;
    beginDay(this.dailyPuts, this.putsWithoutSystem.value);
    beginDay(this.dailyGets, this.getsWithoutSystem.value);
  }
}

function beginDay(totals: DailyTotals, now: number): void {
  totals.yesterdayMorning = totals.todayMorning;
  totals.todayMorning = now;
}

const dayOf = (now: number): number => new Date(now).getDate();
