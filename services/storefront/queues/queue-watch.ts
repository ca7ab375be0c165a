import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Log } from '../../common/log.ts';
import { MqError } from '../../common/mq.module.ts';
import type { UpOrDown } from '../live/live-events.ts';
import type { LiveHub } from '../live/live-hub.ts';
import { Rounds } from '../live/rounds.ts';
import type { Timers } from '../live/timers.ts';
import type { QueueReading } from './queue-reading.ts';

const PERIOD_MS = 2_000;

const BROKER_AWAY = 'The broker cannot be asked just now.';

/** Reads the queue side while some page is open, once for all of them: all of it if one shows it, else the backlog alone. */
export class QueueWatch implements OnModuleInit, OnApplicationShutdown {
  readonly #reading: Pick<QueueReading, 'backlog' | 'all' | 'forget'>;
  readonly #hub: LiveHub;
  readonly #log: Log;
  readonly #rounds: Rounds;
  #backlog: number | null = null;
  #isBrokerAway = false;

  constructor(parts: {
    reading: Pick<QueueReading, 'backlog' | 'all' | 'forget'>;
    hub: LiveHub;
    timers: Timers;
    log: Log;
  }) {
    this.#reading = parts.reading;
    this.#hub = parts.hub;
    this.#log = parts.log;
    this.#rounds = new Rounds({
      timers: parts.timers,
      periodMs: PERIOD_MS,
      isWanted: () => this.#hub.pageCount > 0,
      work: () => this.#read(),
    });
  }

  get broker(): UpOrDown {
    return this.#isBrokerAway ? 'down' : 'up';
  }

  /** Messages that wait for a consumer; null: the broker did not answer. */
  get backlog(): number | null {
    return this.#backlog;
  }

  onModuleInit(): void {
    this.#hub.onChange(() => {
      if (this.#hub.pageCount === 0) this.#forget();
      this.#rounds.wake();
    });
  }

  onApplicationShutdown(): void {
    this.#rounds.stop();
  }

  /** After a pause nothing of what was known before it is said of now. */
  #forget(): void {
    this.#reading.forget();
    this.#backlog = null;
    this.#isBrokerAway = false;
  }

  async #read(): Promise<void> {
    try {
      if (this.#hub.isQueueSideShown) {
        const { backlog, ...event } = await this.#reading.all();
        this.#backlog = backlog;
        this.#hub.tellQueueSide(event);
      } else {
        this.#reading.forget();
        this.#backlog = await this.#reading.backlog();
      }
      this.#isBrokerAway = false;
      this.#hub.tellProblem('queues', '');
    } catch (error) {
      this.#backlog = null;
      this.#isBrokerAway = true;
      this.#reading.forget();
      // That it is away is a matter of course here; anything else is a fault of ours.
      if (!MqError.is(error)) this.#log.error('the queue side cannot be read', { error });
      this.#hub.tellProblem('queues', BROKER_AWAY);
    }
    // The last page has left meanwhile: to the next one this would be long ago.
    if (this.#hub.pageCount === 0) this.#forget();
  }
}
