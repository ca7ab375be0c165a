import type { OnApplicationShutdown } from '@nestjs/common';
import { DomainError, isUnavailable } from '../../common/errors.ts';
import type { PeerAnswer } from '../../common/http-peer.ts';
import type { Log } from '../../common/log.ts';
import type { ShopServices } from '../application/shop-services.ts';
import { FLASH_TICKETS } from '../figures/figures.ts';
import { samplesOf } from '../figures/metrics-text.ts';
import type { SaleEvent } from '../live/live-events.ts';
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

/** As the flash sale service is asked for it. */
interface NewSale {
  readonly sku: string;
  readonly stock: number;
  readonly perUserLimit: number;
  readonly startsAt: string;
  readonly endsAt: string;
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
  waiting: number;
  last: Counts;
}

type Rates = Pick<SaleEvent, 'arrivedPerS' | 'admittedPerS' | 'orderedPerS'>;

const noRates: Rates = { arrivedPerS: 0, admittedPerS: 0, orderedPerS: 0 };

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
    const startedAtMs = this.#timers.monotonicMs();
    const patienceMs = seconds * 1_000 + QUEUE_PATIENCE_MS;
    const startsAtMs = this.#timers.now();
    const answer = await this.#askForSale({
      sku,
      stock,
      perUserLimit: 1,
      startsAt: new Date(startsAtMs).toISOString(),
      endsAt: new Date(startsAtMs + patienceMs).toISOString(),
    });
    if ('status' in answer) return answer;
    const { saleId } = answer;
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
      giveUpAtMs: startedAtMs + patienceMs,
      remaining: stock,
      waiting: 0,
      last: { atMs: startedAtMs, arrived: 0, admitted: 0, ordered: 0 },
    };
    this.#rounds.wake();
    return { saleId };
  }

  /** A sale whose opening was answered too late is there all the same, and would keep its pieces from everybody: it is ours. */
  async #askForSale(sale: NewSale): Promise<{ saleId: string } | PeerAnswer> {
    try {
      const request = { method: 'POST', path: '/flash-sales', body: JSON.stringify(sale) };
      const answer = await this.#services.pass('flashsale', request);
      return answer.status === 201 ? { saleId: saleIdIn(answer) } : answer;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      const { items } = (await this.#services.of('flashsale').get('/flash-sales')) as {
        items: (NewSale & { saleId: string })[];
      };
      const opened = items.find(
        ({ sku, startsAt, endsAt }) =>
          sku === sale.sku && startsAt === sale.startsAt && endsAt === sale.endsAt,
      );
      if (opened === undefined) throw error;
      return { saleId: opened.saleId };
    }
  }

  async #round(): Promise<void> {
    const sale = this.#sale!;
    try {
      const rates = await this.#look(sale);
      const isOver = isDone(sale, rates) || this.#isGivenUp(sale);
      // Before it is told to be over: one that cannot be closed now is looked at again, and closed then.
      if (isOver) await this.#close(sale);
      this.#tell(sale, rates, isOver);
    } catch (error) {
      if (!(error instanceof DomainError)) this.#log.error('a sale cannot be shown', { error });
      if (!this.#isGivenUp(sale)) {
        this.#hub.tellProblem('sale', 'The sale cannot be looked at just now.');
        return;
      }
      // It ends at this time by itself.
      this.#log.warn('a sale could not be closed', { saleId: sale.saleId, error });
      this.#tell(sale, noRates, true);
    }
  }

  #isGivenUp({ giveUpAtMs }: RunningSale): boolean {
    return this.#timers.monotonicMs() > giveUpAtMs;
  }

  async #close({ saleId }: RunningSale): Promise<void> {
    await this.#services.of('flashsale').post(`/flash-sales/${saleId}/close`, {});
  }

  #tell(sale: RunningSale, rates: Rates, isOver: boolean): void {
    const { saleId, sku, stock, remaining, waiting } = sale;
    this.#hub.tellAll('sale', { saleId, sku, stock, remaining, ...rates, waiting, isOver });
    this.#hub.tellProblem('sale', '');
    if (isOver) this.#sale = undefined;
  }

  /** Brings up to date what is known of a sale. Errors: FLASHSALE.UNAVAILABLE. */
  async #look(sale: RunningSale): Promise<Rates> {
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
    sale.waiting = Math.max(0, admitted - ordered - others);
    const now = { atMs: this.#timers.monotonicMs(), arrived, admitted, ordered };
    const seconds = Math.max(0.001, (now.atMs - sale.last.atMs) / 1_000);
    const rateOf = (count: 'arrived' | 'admitted' | 'ordered'): number =>
      Math.max(0, now[count] - sale.last[count]) / seconds;
    const rates = {
      arrivedPerS: rateOf('arrived'),
      admittedPerS: rateOf('admitted'),
      orderedPerS: rateOf('ordered'),
    };
    sale.last = now;
    return rates;
  }

  /** Of all sales together; with several gate processes of the one that answers. Errors: FLASHSALE.UNAVAILABLE. */
  async #ticketsDone(): Promise<{ ordered: number; others: number }> {
    const path = `/metrics?name[]=${FLASH_TICKETS}`;
    const { status, text } = await this.#services.pass('flashsale', { method: 'GET', path });
    if (status !== 200) {
      // Read as metrics it would say that nothing was ever done.
      const detail = `flashsale answered ${status} when it was asked for its tickets, try again`;
      throw new DomainError('FLASHSALE.UNAVAILABLE', 'unavailable', detail);
    }
    const done = { ordered: 0, others: 0 };
    for (const { labels, value } of samplesOf(text)) {
      done[labels['outcome'] === 'ORDERED' ? 'ordered' : 'others'] += value;
    }
    return done;
  }
}

function saleIdIn({ text }: PeerAnswer): string {
  return (JSON.parse(text) as { saleId: string }).saleId;
}

/** Everybody has come, every ticket is done with, and one more look has shown that nothing comes any more. */
function isDone({ crowd, waiting }: RunningSale, { arrivedPerS, orderedPerS }: Rates): boolean {
  return crowd.isOver && waiting === 0 && arrivedPerS === 0 && orderedPerS === 0;
}
