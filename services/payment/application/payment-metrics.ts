import { performance } from 'node:perf_hooks';
import { Counter, Histogram } from 'prom-client';
import { DomainError } from '../../common/errors.ts';
import { showAtZero, type Metrics } from '../../common/metrics.ts';

/**
 * `duplicate`: told again under a new nonce. `replayed`: the very same callback again. `contradiction`: another end or another
 * amount than is known. `refused`: signed, but of no payment of ours, or not to be read.
 */
export const callbackOutcomes = [
  'accepted',
  'duplicate',
  'forged',
  'stale',
  'replayed',
  'contradiction',
  'refused',
] as const;
export type CallbackOutcome = (typeof callbackOutcomes)[number];

/** `unavailable`: it did not answer in time, or with a failure of its own. */
export const channelOutcomes = ['answered', 'refused', 'unavailable'] as const;

export type ChannelRequest = 'charge' | 'find' | 'void' | 'refund';

/** What the payment service tells Prometheus beside what every service does. */
export class PaymentMetrics {
  readonly callbacks: Counter<'outcome'>;
  readonly #channelSeconds: Histogram<'request' | 'outcome'>;

  constructor({ registry }: Metrics) {
    this.callbacks = new Counter({
      name: 'millrace_channel_callbacks_total',
      help: 'Callbacks of the payment channel by what became of them: accepted, duplicate, forged, stale, replayed, contradiction, refused',
      labelNames: ['outcome'],
      registers: [registry],
    });
    showAtZero(
      this.callbacks,
      callbackOutcomes.map((outcome) => ({ outcome })),
    );
    this.#channelSeconds = new Histogram({
      name: 'millrace_channel_request_duration_seconds',
      help: 'Time the payment channel takes to answer, or until it is given up: answered, refused, unavailable',
      labelNames: ['request', 'outcome'],
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10],
      registers: [registry],
    });
  }

  async measured<T>(request: ChannelRequest, ask: () => Promise<T>): Promise<T> {
    const startedAtMs = performance.now();
    let outcome: (typeof channelOutcomes)[number] = 'unavailable';
    try {
      const answer = await ask();
      outcome = 'answered';
      return answer;
    } catch (error) {
      if (error instanceof DomainError && error.kind !== 'unavailable') outcome = 'refused';
      throw error;
    } finally {
      const seconds = (performance.now() - startedAtMs) / 1_000;
      this.#channelSeconds.observe({ request, outcome }, seconds);
    }
  }
}
