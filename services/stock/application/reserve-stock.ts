import { Injectable } from '@nestjs/common';
import { DataSource, In, type EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { Gathering } from '../../common/gathering.ts';
import { RequestReservationCheck } from '../../common/request-reservation-check.ts';
import { inTransaction } from '../../common/transaction.ts';
import {
  insufficient,
  isSameItems,
  refuseRepeatedSkus,
  type Shortage,
  type StockItem,
} from '../domain/reservation.ts';
import {
  ReservationRepository,
  type NewReservation,
} from '../persistence/reservation.repository.ts';
import { StockLedger, TooFewPieces } from '../persistence/stock-ledger.ts';
import { StockLevelRow } from '../persistence/stock.entity.ts';
import { ReserveBatch } from './reserve-batch.ts';

/**
 * Sets goods aside for an order that is about to be placed: all of them or none. The message that will look after them is on
 * its way before they are. Asked again for the same, it has no further effect and the same answer. Orders that come while
 * others are being seen to are seen to together.
 *
 * Errors: REQUEST.INVALID; STOCK.INSUFFICIENT; STOCK.RELEASED when the order was given up before this came;
 *         STOCK.RESERVED_OTHERWISE.
 */
@Injectable()
export class ReserveStock {
  readonly #reserving = new Gathering<NewReservation, boolean>({
    work: async (wishes) => {
      const orderNos = new Set(wishes.map(({ orderNo }) => orderNo));
      if (orderNos.size < wishes.length)
        throw new Error('an order comes twice: each is done alone');
      const outcomes = await this.batch.execute(wishes);
      return outcomes.map(({ status }) => status === 'RESERVED');
    },
  });

  constructor(
    private readonly dataSource: DataSource,
    private readonly reservations: ReservationRepository,
    private readonly ledger: StockLedger,
    private readonly batch: ReserveBatch,
    private readonly requestCheck: RequestReservationCheck,
    private readonly clock: Clock,
  ) {}

  async execute(command: NewReservation): Promise<void> {
    const { orderNo, transactionKey, items } = command;
    refuseRepeatedSkus(items);
    await this.requestCheck.execute(orderNo, transactionKey, this.clock.now());
    // What is refused is looked at alone, to say why.
    if (!(await this.#reserving.add(command))) await this.#alone(command);
  }

  async #alone(command: NewReservation): Promise<void> {
    const { orderNo, items } = command;
    const now = this.clock.now();
    try {
      await inTransaction(this.dataSource, async (manager) => {
        if (await this.reservations.insert(manager, command, now)) {
          await this.ledger.move(manager, 'RESERVED', orderNo, items, now);
        } else {
          await this.#requireSame(manager, command);
        }
      });
    } catch (error) {
      if (!(error instanceof TooFewPieces)) throw error;
      throw insufficient(await this.#shortages(items, error.sku));
    }
  }

  async #requireSame(manager: EntityManager, wish: NewReservation): Promise<void> {
    const { orderNo } = wish;
    const found = await this.reservations.find(manager, orderNo);
    if (found?.status === 'RELEASED') {
      throw new DomainError(
        'STOCK.RELEASED',
        'conflict',
        `order ${orderNo} was given up; nothing can be reserved for it any more`,
      );
    }
    const isSame =
      found?.transactionKey === wish.transactionKey &&
      isSameItems(await this.reservations.itemsOf(manager, orderNo), wish.items);
    if (isSame) return;
    throw new DomainError(
      'STOCK.RESERVED_OTHERWISE',
      'conflict',
      `order ${orderNo} has a reservation with other items or another transactionKey`,
    );
  }

  /** What there is after the refusal: `refusedSku` was short, and may be there again by now. */
  async #shortages(items: readonly StockItem[], refusedSku: string): Promise<Shortage[]> {
    const skus = items.map(({ sku }) => sku);
    const levels = await this.dataSource.manager.findBy(StockLevelRow, { sku: In(skus) });
    const availableOf = new Map(levels.map(({ sku, available }) => [sku, available]));
    return items
      .map((item) => ({ ...item, available: availableOf.get(item.sku) ?? 0 }))
      .filter(({ sku, quantity, available }) => sku === refusedSku || available < quantity);
  }
}
