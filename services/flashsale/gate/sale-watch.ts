import { setInterval as every } from 'node:timers/promises';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { Clock } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import type { FlashSaleRepository } from '../persistence/flash-sale.repository.ts';
import { isNotReady, type SaleState } from '../redis/sale-state.ts';
import type { SaleMemory } from './sale-memory.ts';

/** News that was missed is caught up with after so long at the latest. */
const PAUSE_MS = 1_000;

interface SaleWatchParts {
  dataSource: DataSource;
  sales: FlashSaleRepository;
  state: Pick<SaleState, 'read'>;
  memory: SaleMemory;
  clock: Clock;
  log: Log;
}

/** Keeps a gate's memory fresh: which sales there are, and whether those sold out have pieces again. Nobody waits for it. */
export class SaleWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #parts: SaleWatchParts;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(parts: SaleWatchParts) {
    this.#parts = parts;
  }

  /** Errors: the database's: a gate that knows no sale would answer 404 to everybody. */
  async onApplicationBootstrap(): Promise<void> {
    await this.refresh();
    this.#running = this.#run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Looks up all sales that customers may still ask for. Errors: the database's. */
  async refresh(): Promise<void> {
    const { dataSource, sales, memory, clock } = this.#parts;
    memory.learn(await sales.current(dataSource.manager, clock.now()));
  }

  /** A sale was opened or closed somewhere. */
  refreshSoon(): void {
    void this.#refreshIfItCan();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const _tick of every(PAUSE_MS, undefined, { signal })) {
        await Promise.all([this.#refreshIfItCan(), this.#lookForStock()]);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** With the database away the gate goes on with the sales it knows. */
  async #refreshIfItCan(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      this.#parts.log.debug('sales could not be looked up', { error });
    }
  }

  async #lookForStock(): Promise<void> {
    const { state, memory, log } = this.#parts;
    await Promise.all(
      memory.soldOut().map(async (saleId) => {
        try {
          const { remaining } = await state.read(saleId);
          if (remaining > 0) memory.hasStock(saleId);
        } catch (error) {
          // Whoever asks next is told so, and the keeper with him.
          if (isNotReady(error)) memory.hasStock(saleId);
          else log.debug('what is left of a sale could not be looked up', { saleId, error });
        }
      }),
    );
  }
}
