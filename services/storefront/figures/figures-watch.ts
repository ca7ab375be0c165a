import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Log } from '../../common/log.ts';
import type { ShopServices } from '../application/shop-services.ts';
import { peerNames, type PeerName } from '../config.ts';
import type { UpOrDown } from '../live/live-events.ts';
import type { LiveHub } from '../live/live-hub.ts';
import { Rounds } from '../live/rounds.ts';
import type { Timers } from '../live/timers.ts';
import type { QueueWatch } from '../queues/queue-watch.ts';
import { Figures, readMetrics } from './figures.ts';
import { samplesOf, type Sample } from './metrics-text.ts';

const PERIOD_MS = 1_000;
/** Asked less often, for an answer may take as long as a part that hangs is waited for. */
const READY_PERIOD_MS = 2_000;

const METRICS_PATH = `/metrics?${readMetrics.map((name) => `name[]=${name}`).join('&')}`;

/** Reads the services' metrics once a second while some page is open, and tells the pages what they come to. */
export class FiguresWatch implements OnModuleInit, OnApplicationShutdown {
  readonly #services: Pick<ShopServices, 'ask'>;
  readonly #queues: Pick<QueueWatch, 'backlog' | 'broker'>;
  readonly #hub: LiveHub;
  readonly #timers: Timers;
  readonly #log: Log;
  readonly #figures = new Figures();
  readonly #ready = new Map<PeerName, UpOrDown>();
  readonly #rounds: readonly Rounds[];

  constructor(parts: {
    services: Pick<ShopServices, 'ask'>;
    queues: Pick<QueueWatch, 'backlog' | 'broker'>;
    hub: LiveHub;
    timers: Timers;
    log: Log;
  }) {
    this.#services = parts.services;
    this.#queues = parts.queues;
    this.#hub = parts.hub;
    this.#timers = parts.timers;
    this.#log = parts.log;
    const isWanted = (): boolean => this.#hub.pageCount > 0;
    const { timers } = parts;
    this.#rounds = [
      new Rounds({ timers, periodMs: PERIOD_MS, isWanted, work: () => this.#read() }),
      ...peerNames.map(
        (name) =>
          new Rounds({
            timers,
            periodMs: READY_PERIOD_MS,
            isWanted,
            work: () => this.#askReady(name),
          }),
      ),
    ];
  }

  onModuleInit(): void {
    this.#hub.onChange(() => {
      if (this.#hub.pageCount === 0) this.#forget();
      for (const rounds of this.#rounds) rounds.wake();
    });
  }

  onApplicationShutdown(): void {
    for (const rounds of this.#rounds) rounds.stop();
  }

  /** After a pause nothing of what was known before it is said of now. */
  #forget(): void {
    this.#figures.forget();
    this.#ready.clear();
  }

  async #read(): Promise<void> {
    try {
      const read = await Promise.all(peerNames.map((name) => this.#samples(name)));
      // The last page has left meanwhile: to the next one this would be long ago.
      if (this.#hub.pageCount === 0) return;
      const atMs = this.#timers.monotonicMs();
      const rates = this.#figures.add({ atMs, samples: new Map(read.flat()) });
      const { backlog, broker } = this.#queues;
      this.#hub.tellAll('figures', {
        at: this.#timers.now(),
        ...rates,
        backlog,
        services: this.#servicesNow(),
        broker,
      });
    } catch (error) {
      this.#log.error('the figures cannot be made', { error });
    }
  }

  #servicesNow(): Record<string, UpOrDown> {
    return Object.fromEntries(
      peerNames.flatMap((name) => {
        const status = this.#ready.get(name);
        return status === undefined ? [] : [[name, status]];
      }),
    );
  }

  /** Of a service that is away, nothing. */
  async #samples(name: PeerName): Promise<[PeerName, readonly Sample[]][]> {
    const { status, text } = await this.#services.ask(name, METRICS_PATH);
    return status === 200 ? [[name, samplesOf(text)]] : [];
  }

  async #askReady(name: PeerName): Promise<void> {
    try {
      const { status } = await this.#services.ask(name, '/health/ready');
      if (this.#hub.pageCount === 0) return;
      this.#ready.set(name, status === 200 ? 'up' : 'down');
    } catch (error) {
      this.#log.error('a service cannot be asked', { peer: name, error });
    }
  }
}
