import { FakeClock } from './fake-clock.ts';

/** A clock of a process that can be held up: time goes on, and what falls due meanwhile is late. */
export class HaltingClock extends FakeClock {
  #haltedMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.#haltedMs;
  }

  halt(ms: number): void {
    this.#haltedMs += ms;
  }
}
