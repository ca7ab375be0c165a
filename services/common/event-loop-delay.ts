import { performance } from 'node:perf_hooks';
import { Histogram, type Registry } from 'prom-client';

/** Between two looks. Shorter delays are seen if they come in between. */
const PERIOD_MS = 20;

/** What it looks by, injected so that a test can hold the process up. */
interface Looks {
  monotonicMs(): number;
  setInterval(look: () => void, periodMs: number): unknown;
  clearInterval(handle: unknown): void;
}

const systemLooks: Looks = {
  monotonicMs: () => performance.now(),
  setInterval: (look, periodMs) => setInterval(look, periodMs).unref(),
  clearInterval: (handle) => clearInterval(handle as NodeJS.Timeout | undefined),
};

/**
 * How late a service does what falls due, as broker and name server have it. Counted from its start to its end: whoever reads it
 * takes nothing from the next one.
 */
export class EventLoopDelay {
  readonly #seconds: Histogram;
  readonly #looks: Looks;
  #looking: unknown;

  constructor(registry: Registry, looks: Looks = systemLooks) {
    this.#looks = looks;
    this.#seconds = new Histogram({
      name: 'nodejs_eventloop_delay_seconds',
      help: 'How late the process does what falls due, looked at every 20 ms',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers: [registry],
    });
  }

  start(): void {
    let lookedAtMs = this.#looks.monotonicMs();
    this.#looking = this.#looks.setInterval(() => {
      const now = this.#looks.monotonicMs();
      let lateMs = Math.max(0, now - lookedAtMs - PERIOD_MS);
      lookedAtMs = now;
      // The looks that were left out meanwhile would have been late as well: a second's halt is fifty of them, not one.
      for (; lateMs >= 0; lateMs -= PERIOD_MS) this.#seconds.observe(lateMs / 1_000);
    }, PERIOD_MS);
  }

  stop(): void {
    this.#looks.clearInterval(this.#looking);
  }
}
