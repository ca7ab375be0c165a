import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Log } from '../../common/log.ts';
import type { SwitchesEvent } from '../live/live-events.ts';
import type { LiveHub } from '../live/live-hub.ts';
import { Rounds } from '../live/rounds.ts';
import type { Timers } from '../live/timers.ts';
import type { Switches, SwitchWish } from './switches.ts';

const PERIOD_MS = 1_000;

/** Tells the pages how the switches stand, whoever has turned one. */
export class SwitchWatch implements OnModuleInit, OnApplicationShutdown {
  readonly #switches: Pick<Switches, 'read' | 'turn'>;
  readonly #hub: LiveHub;
  readonly #log: Log;
  readonly #rounds: Rounds;
  #told = '';

  constructor(parts: {
    switches: Pick<Switches, 'read' | 'turn'>;
    hub: LiveHub;
    timers: Timers;
    log: Log;
  }) {
    this.#switches = parts.switches;
    this.#hub = parts.hub;
    this.#log = parts.log;
    this.#rounds = new Rounds({
      timers: parts.timers,
      periodMs: PERIOD_MS,
      isWanted: () => this.#hub.pageCount > 0,
      work: () => this.#read(),
    });
  }

  onModuleInit(): void {
    this.#hub.onChange(() => {
      if (this.#hub.pageCount === 0) this.#told = '';
      this.#rounds.wake();
    });
  }

  onApplicationShutdown(): void {
    this.#rounds.stop();
  }

  /** Errors: as `Switches.turn`. */
  async turn(wish: SwitchWish): Promise<SwitchesEvent> {
    const now = await this.#switches.turn(wish);
    this.#tell(now);
    return now;
  }

  async #read(): Promise<void> {
    try {
      this.#tell(await this.#switches.read());
      this.#hub.tellProblem('switches', '');
    } catch (error) {
      this.#log.warn('the switches cannot be read', { error });
      this.#hub.tellProblem('switches', 'The switches cannot be read just now.');
    }
  }

  #tell(now: SwitchesEvent): void {
    const text = JSON.stringify(now);
    // Told to nobody, it is not told: the next page must hear of it.
    if (text === this.#told || this.#hub.pageCount === 0) return;
    this.#told = text;
    this.#hub.tellAll('switches', now);
  }
}
