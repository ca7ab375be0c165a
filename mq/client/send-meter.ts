import type { Clock } from '../clock.ts';
import { DurationHistogram } from '../duration-histogram.ts';
import { MqError } from '../errors.ts';
import { CLIENT_BOUNDS_MS, durationsOf, type Durations } from './durations.ts';

/** What became of a producer's sends since it was made. A batch is one send; a oneway send is not among them. */
export interface SendMetrics {
  /** Answered that it is stored, whatever the status. */
  readonly succeeded: number;
  /** By the code of the error; UNEXPECTED for what is no MqError. */
  readonly failed: ReadonlyMap<string, number>;
  /** Further attempts of sends whose first one failed. */
  readonly retries: number;
  /** Under way now. */
  readonly inFlight: number;
  /** From `send` to its outcome, all attempts included. */
  readonly durations: Durations;
}

/** Counts a producer's sends. */
export class SendMeter {
  readonly #clock: Clock;
  readonly #durations = new DurationHistogram(CLIENT_BOUNDS_MS);
  readonly #failed = new Map<string, number>();
  #succeeded = 0;
  #retries = 0;
  #inFlight = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async measure<T>(send: () => Promise<T>): Promise<T> {
    const startedMs = this.#clock.monotonicMs();
    this.#inFlight++;
    try {
      const result = await send();
      this.#succeeded++;
      return result;
    } catch (error) {
      const code = MqError.is(error) ? error.code : 'UNEXPECTED';
      this.#failed.set(code, (this.#failed.get(code) ?? 0) + 1);
      throw error;
    } finally {
      this.#inFlight--;
      this.#durations.add(this.#clock.monotonicMs() - startedMs);
    }
  }

  retried(): void {
    this.#retries++;
  }

  metrics(): SendMetrics {
    return {
      succeeded: this.#succeeded,
      failed: new Map(this.#failed),
      retries: this.#retries,
      inFlight: this.#inFlight,
      durations: durationsOf(this.#durations),
    };
  }
}
