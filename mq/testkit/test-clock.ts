import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import { awake } from './awake.ts';
import { parseDuration, type Duration } from './duration.ts';

interface Timer extends TimerHandle {
  /** On the monotonic clock. */
  dueMs: number;
  readonly sequence: number;
  readonly periodMs: number | undefined;
  readonly callback: () => void;
  /** Fires it when nobody advances the clock. */
  real: TimerHandle | undefined;
}

/** What stays in real time while this clock jumps. */
export interface TestClockOptions {
  readonly real: Clock;
  /** Resolves when everything that is due by now has been delivered. */
  readonly settled: () => Promise<void>;
}

/** `setTimeout` takes no longer delay; a timer that is due later looks again then. */
const LONGEST_REAL_MS = 2 ** 31 - 1;

/**
 * The broker's message time: store stamps, delay levels, timers and transaction checks go by it.
 *
 * It runs as real time does, ahead of it by all that it was advanced. Connections, heartbeats, queue locks and held
 * pulls do not go by it, nor do clients: to them a jump of a day is no time at all.
 */
export class TestClock implements Clock {
  readonly #real: Clock;
  readonly #settled: () => Promise<void>;
  /** Taken at the same moment. */
  readonly #startWallMs: number;
  readonly #startRealMs: number;
  #aheadMs = 0;
  #wallStepMs = 0;
  #sequence = 0;
  readonly #timers = new Set<Timer>();
  readonly #stepListeners: (() => void)[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  /** Timers are fired by the jump then: their real ones are started when it has ended. */
  #isAdvancing = false;

  constructor({ real, settled }: TestClockOptions) {
    this.#real = real;
    this.#settled = settled;
    this.#startWallMs = real.now();
    this.#startRealMs = real.monotonicMs();
  }

  /** ms since epoch; not ahead of real time by more than it was advanced. */
  now(): number {
    return this.#startWallMs + this.monotonicMs() + this.#wallStepMs;
  }

  /** Since the start, in whole ms: what is due some ms after a moment is due at the same moment by either clock. */
  monotonicMs(): number {
    return Math.floor(this.#real.monotonicMs() - this.#startRealMs) + this.#aheadMs;
  }

  /**
   * Jumps ahead. What falls due on the way is delivered in order, each at its own time; when this resolves, all of it
   * can be seen by consumers. What clients then do (consume, hand back, answer a check) takes its real time, and what
   * follows from it is not part of this jump.
   *
   * Errors: INVALID_ARGUMENT for what is no duration.
   */
  async advance(duration: Duration): Promise<void> {
    const ms = parseDuration(duration);
    // One jump at a time, however many are asked for at once.
    const turn = this.#turn.then(() => this.#advance(ms));
    this.#turn = turn.catch(() => undefined);
    await awake(() => turn);
  }

  /**
   * Sets the wall clock alone, by so much ahead, or back with a minus: `-1h`, as an operator or NTP may do at the
   * broker. Resolves when what is due by it has been delivered: what was to be delivered at a time.
   *
   * Errors: INVALID_ARGUMENT for what is no duration.
   */
  async stepWallClock(step: Duration): Promise<void> {
    const text = String(step).trim();
    this.#wallStepMs += text.startsWith('-')
      ? -parseDuration(typeof step === 'number' ? -step : text.slice(1))
      : parseDuration(step);
    for (const listener of this.#stepListeners) listener();
    await awake(this.#settled);
  }

  onWallStep(listener: () => void): void {
    this.#stepListeners.push(listener);
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    return this.#start(callback, delayMs, undefined);
  }

  clearTimeout(handle: TimerHandle | undefined): void {
    this.#stop(handle as Timer | undefined);
  }

  setInterval(callback: () => void, periodMs: number): TimerHandle {
    return this.#start(callback, periodMs, Math.max(1, periodMs));
  }

  clearInterval(handle: TimerHandle | undefined): void {
    this.#stop(handle as Timer | undefined);
  }

  async #advance(ms: number): Promise<void> {
    this.#isAdvancing = true;
    try {
      await this.#settled();
      let leftMs = ms;
      for (;;) {
        const next = this.#next();
        const waitMs = next && Math.max(0, Math.ceil(next.dueMs - this.monotonicMs()));
        if (next === undefined || waitMs === undefined || waitMs > leftMs) break;
        this.#aheadMs += waitMs;
        leftMs -= waitMs;
        this.#fire(next);
        await this.#settled();
      }
      this.#aheadMs += leftMs;
      await this.#settled();
    } finally {
      this.#isAdvancing = false;
      for (const timer of this.#timers) this.#arm(timer);
    }
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      const isEarlier =
        next === undefined ||
        timer.dueMs < next.dueMs ||
        (timer.dueMs === next.dueMs && timer.sequence < next.sequence);
      if (isEarlier) next = timer;
    }
    return next;
  }

  #start(callback: () => void, delayMs: number, periodMs: number | undefined): TimerHandle {
    if (Number.isNaN(delayMs)) {
      throw new MqError('INVALID_ARGUMENT', 'a timer was started with a delay that is no number');
    }
    const timer: Timer = {
      dueMs: this.monotonicMs() + Math.max(0, delayMs),
      sequence: this.#sequence++,
      periodMs,
      callback,
      real: undefined,
      unref: () => timer,
    };
    this.#timers.add(timer);
    this.#arm(timer);
    return timer;
  }

  /** Never keeps the process alive: a test that forgot to close its broker must still end. */
  #arm(timer: Timer): void {
    this.#real.clearTimeout(timer.real);
    if (this.#isAdvancing) return;
    const waitMs = Math.max(0, Math.ceil(timer.dueMs - this.monotonicMs()));
    timer.real = this.#real.setTimeout(
      () => {
        if (this.monotonicMs() < timer.dueMs) this.#arm(timer);
        else this.#fire(timer);
      },
      Math.min(waitMs, LONGEST_REAL_MS),
    );
    timer.real.unref();
  }

  #fire(timer: Timer): void {
    if (timer.periodMs === undefined) this.#stop(timer);
    else {
      timer.dueMs += timer.periodMs;
      this.#arm(timer);
    }
    timer.callback();
  }

  #stop(timer: Timer | undefined): void {
    if (timer === undefined) return;
    this.#timers.delete(timer);
    this.#real.clearTimeout(timer.real);
  }
}
