import type { Clock } from '../clock.ts';

const WINDOW_SECONDS = 600;

/**
 * Counts messages: the rate over the last seconds up to ten minutes, and the totals RocketMQ's tools show. Costs an
 * addition per message and no timer.
 */
export class MessageCounter {
  readonly #clock: Clock;
  /** One count per second, at index second % 600. */
  readonly #buckets = new Float64Array(WINDOW_SECONDS);
  #second: number;
  #nextMidnight: number;
  #total = 0;
  #totalThisMorning = 0;
  #totalYesterdayMorning = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#second = this.#currentSecond();
    this.#nextMidnight = midnightAfter(clock.now());
  }

  add(count: number): void {
    this.#advance();
    this.#buckets[this.#second % WINDOW_SECONDS]! += count;
    this.#total += count;
  }

  /** Messages per second over the last 10 seconds, minute and ten minutes, as `x.xx y.yy z.zz`. */
  rates(): string {
    this.#advance();
    return [10, 60, 600].map((seconds) => (this.#sum(seconds) / seconds).toFixed(2)).join(' ');
  }

  /** Counted since start, and how much of it by midnight of today and of yesterday. */
  totals(): { now: number; thisMorning: number; yesterdayMorning: number } {
    this.#advance();
    return {
      now: this.#total,
      thisMorning: this.#totalThisMorning,
      yesterdayMorning: this.#totalYesterdayMorning,
    };
  }

  #currentSecond(): number {
    return Math.floor(this.#clock.monotonicMs() / 1000);
  }

  #advance(): void {
    const now = this.#currentSecond();
    if (now === this.#second) return;
    this.#noteMidnight();
    if (now - this.#second >= WINDOW_SECONDS) this.#buckets.fill(0);
    else {
      for (let second = this.#second + 1; second <= now; second++) {
        this.#buckets[second % WINDOW_SECONDS] = 0;
      }
    }
    this.#second = now;
  }

  #noteMidnight(): void {
    const now = this.#clock.now();
    if (now < this.#nextMidnight) return;
    this.#nextMidnight = midnightAfter(now);
    this.#totalYesterdayMorning = this.#totalThisMorning;
    this.#totalThisMorning = this.#total;
  }

  #sum(seconds: number): number {
    let sum = 0;
    for (let back = 0; back < seconds; back++) {
      sum += this.#buckets[(this.#second - back + WINDOW_SECONDS) % WINDOW_SECONDS]!;
    }
    return sum;
  }
}

function midnightAfter(timestampMs: number): number {
  return new Date(timestampMs).setHours(24, 0, 0, 0);
}
