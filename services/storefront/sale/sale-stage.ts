import type { OnApplicationShutdown } from '@nestjs/common';
import { DomainError } from '../../common/errors.ts';
import type { PeerAnswer } from '../../common/http-peer.ts';
import type { Log } from '../../common/log.ts';
import type { ShopServices } from '../application/shop-services.ts';
import { FLASH_TICKETS } from '../figures/figures.ts';
import { samplesOf } from '../figures/metrics-text.ts';
import type { LiveHub } from '../live/live-hub.ts';
import { Rounds } from '../live/rounds.ts';
import type { Timers } from '../live/timers.ts';
import { Crowd } from './crowd.ts';

const PERIOD_MS = 1_000;
/** After the crowd, for the tickets in the queue; a sale whose orders do not come is closed all the same. */
const QUEUE_PATIENCE_MS = 60_000;
const DEFAULT_SKU = 'GRINDER-HAND';

export interface SaleTerms {
  readonly sku?: string | undefined;
  readonly stock: number;
  readonly customersPerS: number;
  readonly seconds: number;
}

interface Counts {
  readonly atMs: number;
  readonly arrived: number;
  readonly admitted: number;
  readonly ordered: number;
}

interface RunningSale {
  readonly saleId: string;
  readonly sku: string;
  readonly stock: number;
  readonly crowd: Crowd;
  /** Tickets that were done with before this sale. */
  readonly doneBefore: { readonly ordered: number; readonly others: number };
  readonly giveUpAtMs: number;
  remaining: number;
  last: Counts;
}

/** Opens a flash sale, has a crowd come to it, and tells the pages how what arrives becomes what the database can take. */
export class SaleStage implements OnApplicationShutdown {
  readonly #services: Pick<ShopServices, 'ask' | 'pass' | 'of'>;
  readonly #secret: string;
  readonly #hub: LiveHub;
  readonly #timers: Timers;
  readonly #log: Log;
  readonly #rounds: Rounds;
  #isOpening = false;
  #sale: RunningSale | undefined;

  constructor(parts: {
    services: Pick<ShopServices, 'ask' | 'pass' | 'of'>;
    customerTokenSecret: string;
    hub: LiveHub;
    timers: Timers;
    log: Log;
  }) {
    this.#services = parts.services;
    this.#secret = parts.customerTokenSecret;
    this.#hub = parts.hub;
    this.#timers = parts.timers;
    this.#log = parts.log;
    this.#rounds = new Rounds({
      timers: parts.timers,
      periodMs: PERIOD_MS,
      isWanted: () => this.#sale !== undefined,
      work: () => this.#round(),
    });
  }

  onApplicationShutdown(): void {
    this.#sale?.crowd.stop();
    this.#rounds.stop();
  }

  /** The sale's number, or the flash sale service's own answer when it opens none. Errors: SALE.RUNS, FLASHSALE.UNAVAILABLE. */
  async open(terms: SaleTerms): Promise<{ saleId: string } | PeerAnswer> {
    if (this.#isOpening || this.#sale !== undefined) {
      throw new DomainError('SALE.RUNS', 'conflict', 'a sale is running, wait until it is over');
    }
    this.#isOpening = true;
    try {
      return await this.#open(terms);
    } finally {
      this.#isOpening = false;
    }
  }

  async #open(terms: SaleTerms): Promise<{ saleId: string } | PeerAnswer> {
    const { sku = DEFAULT_SKU, stock, customersPerS, seconds } = terms;
    const doneBefore = await this.#ticketsDone();
    const nowMs = this.#timers.now();
    const giveUpAtMs = nowMs + seconds * 1_000 + QUEUE_PATIENCE_MS;
    const body = JSON.stringify({
      sku,
      stock,
      perUserLimit: 1,
      startsAt: new Date(nowMs).toISOString(),
      endsAt: new Date(giveUpAtMs).toISOString(),
    });
    const answer = await this.#services.pass('flashsale', {
      method: 'POST',
      path: '/flash-sales',
      body,
    });
    if (answer.status !== 201) return answer;
    const { saleId } = JSON.parse(answer.text) as { saleId: string };
    const crowd = new Crowd(
      { gate: this.#services.of('flashsale'), secret: this.#secret, timers: this.#timers },
      { saleId, customersPerS, seconds },
    );
    this.#sale = {
      saleId,
      sku,
      stock,
      crowd,
      doneBefore,
      giveUpAtMs,
      remaining: stock,
      last: { atMs: nowMs, arrived: 0, admitted: 0, ordered: 0 },
    };
    this.#rounds.wake();
    return { saleId };
  }

  async #round(): Promise<void> {
    const sale = this.#sale!;
    try {
      await this.#tell(sale);
      this.#hub.tellProblem('sale', '');
    } catch (error) {
      if (!(error instanceof DomainError)) this.#log.error('a sale cannot be shown', { error });
      this.#hub.tellProblem('sale', 'The sale cannot be looked at just now.');
      if (this.#timers.now() > sale.giveUpAtMs) this.#sale = undefined;
    }
  }

  async #tell(sale: RunningSale): Promise<void> {
    const [shown, done] = await Promise.all([
      this.#services.of('flashsale').get(`/flash-sales/${sale.saleId}`) as Promise<{
        remaining?: number;
      }>,
      this.#ticketsDone(),
    ]);
    sale.remaining = shown.remaining ?? sale.remaining;
    const { arrived, admitted } = sale.crowd.counts;
    const ordered = Math.max(0, done.ordered - sale.doneBefore.ordered);
    const others = Math.max(0, done.others - sale.doneBefore.others);
    const waiting = Math.max(0, admitted - ordered - others);
    const now = { atMs: this.#timers.now(), arrived, admitted, ordered };
    const seconds = Math.max(0.001, (now.atMs - sale.last.atMs) / 1_000);
    const rateOf = (count: 'arrived' | 'admitted' | 'ordered'): number =>
      Math.max(0, now[count] - sale.last[count]) / seconds;
    // One more event shows that nothing comes any more.
    const isQuiet = rateOf('arrived') === 0 && rateOf('ordered') === 0;
    const isOver = (sale.crowd.isOver && waiting === 0 && isQuiet) || now.atMs > sale.giveUpAtMs;
    this.#hub.tellAll('sale', {
      saleId: sale.saleId,
      sku: sale.sku,
      stock: sale.stock,
      remaining: sale.remaining,
      arrivedPerS: rateOf('arrived'),
      admittedPerS: rateOf('admitted'),
      orderedPerS: rateOf('ordered'),
      waiting,
      isOver,
    });
    sale.last = now;
    if (!isOver) return;
    this.#sale = undefined;
    await this.#services.of('flashsale').post(`/flash-sales/${sale.saleId}/close`, {});
  }

  /** Of all sales together; with several gate processes of the one that answers. Errors: FLASHSALE.UNAVAILABLE. */
  async #ticketsDone(): Promise<{ ordered: number; others: number }> {
    const path = `/metrics?name[]=${FLASH_TICKETS}`;
    const { text } = await this.#services.pass('flashsale', { method: 'GET', path });
    const done = { ordered: 0, others: 0 };
    for (const { labels, value } of samplesOf(text)) {
      done[labels['outcome'] === 'ORDERED' ? 'ordered' : 'others'] += value;
    }
    return done;
  }
}
