import { setTimeout as delay } from 'node:timers/promises';
import {
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { Log } from '../../common/log.ts';
import type { FlashSale } from '../domain/flash-sale.ts';
import { FlashSaleRepository } from '../persistence/flash-sale.repository.ts';
import { RebuildSales } from './rebuild-sales.ts';
import { PendingTimeout, ReconcilePending } from './reconcile-pending.ts';

const MIN_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;

/** Goes round the sales, again and again: builds what Redis has lost, gives up tickets whose message never came. */
@Injectable()
export class KeeperRounds implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #stop = new AbortController();
  readonly #pauseMs: number;
  #running: Promise<void> | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly sales: FlashSaleRepository,
    private readonly rebuildSales: RebuildSales,
    private readonly reconcilePending: ReconcilePending,
    timeout: PendingTimeout,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {
    this.#pauseMs = Math.min(Math.max(timeout.ms / 10, MIN_PAUSE_MS), MAX_PAUSE_MS);
  }

  onApplicationBootstrap(): void {
    this.#running ??= this.#run();
  }

  /** While database and Redis are there still. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#round();
      await delay(this.#pauseMs, undefined, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  /** The end of the line for whatever fails: there is nobody to answer, only a next round. */
  async #round(): Promise<void> {
    try {
      const current = await this.sales.current(this.dataSource.manager, this.clock.now());
      await Promise.all(current.map((sale) => this.#lookAfter(sale)));
    } catch (error) {
      this.log.warn('the sales cannot be looked after', { error });
    }
  }

  async #lookAfter(sale: FlashSale): Promise<void> {
    const { saleId } = sale;
    try {
      if (await this.rebuildSales.execute(sale)) await this.reconcilePending.execute(saleId);
    } catch (error) {
      this.log.warn('a sale cannot be looked after', { saleId, error });
    }
  }
}
