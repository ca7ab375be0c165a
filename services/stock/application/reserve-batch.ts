import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { inTransaction } from '../../common/transaction.ts';
import { allot, insufficient, isSameItems, refuseRepeatedSkus } from '../domain/reservation.ts';
import {
  ReservationRepository,
  type NewReservation,
} from '../persistence/reservation.repository.ts';
import { StockLedger, TooFewPieces } from '../persistence/stock-ledger.ts';

/** RELEASED and RESERVED_OTHERWISE: the order has a reservation already that was let go, or with other goods. */
export const reservationOutcomes = [
  'RESERVED',
  'INSUFFICIENT',
  'RELEASED',
  'RESERVED_OTHERWISE',
] as const;

export interface ReservationOutcome {
  orderNo: string;
  status: (typeof reservationOutcomes)[number];
  reason?: string;
}

/**
 * Sets goods aside for many orders at once, each all of its items or none: what is refused to one does not keep the others
 * waiting. One transaction, a few statements whatever the number of orders. Asked again for the same, it has no further
 * effect and the same answer.
 *
 * No message looks after these reservations: whoever asks has one of his own that makes him place the orders, or ask again
 * (FLASH_ORDERS).
 *
 * Errors: REQUEST.INVALID for a sku that an order names twice; those of the database, and then nothing is done.
 */
@Injectable()
export class ReserveBatch {
  constructor(
    private readonly dataSource: DataSource,
    private readonly reservations: ReservationRepository,
    private readonly ledger: StockLedger,
    private readonly clock: Clock,
  ) {}

  /** In the order of `batch`, in which no order comes twice. */
  async execute(batch: readonly NewReservation[]): Promise<ReservationOutcome[]> {
    for (const { items } of batch) refuseRepeatedSkus(items);
    try {
      return await this.#reserve(batch, { isShort: false });
    } catch (error) {
      // As a rule there is enough, and then the rows that everybody wants are taken last of all.
      if (!(error instanceof TooFewPieces)) throw error;
      return this.#reserve(batch, { isShort: true });
    }
  }

  #reserve(
    batch: readonly NewReservation[],
    { isShort }: { isShort: boolean },
  ): Promise<ReservationOutcome[]> {
    const now = this.clock.now();
    return inTransaction(this.dataSource, async (manager) => {
      const newNos = await this.reservations.insertAll(manager, batch, now);
      const fresh = batch.filter(({ orderNo }) => newNos.has(orderNo));
      const { granted, refused } = isShort
        ? allot(fresh, await this.ledger.holdAvailable(manager, skusOf(fresh)))
        : { granted: fresh, refused: [] };
      await this.reservations.discard(
        manager,
        refused.map(({ wish }) => wish.orderNo),
      );
      await this.reservations.insertItems(manager, granted);
      await this.ledger.moveAll(manager, 'RESERVED', granted, now);
      const outcomes = new Map<string, ReservationOutcome>([
        ...(await this.#known(
          manager,
          batch.filter(({ orderNo }) => !newNos.has(orderNo)),
        )),
        ...refused.map(({ wish: { orderNo }, shortages }): [string, ReservationOutcome] => [
          orderNo,
          { orderNo, status: 'INSUFFICIENT', reason: insufficient(shortages).message },
        ]),
      ]);
      return batch.map(
        ({ orderNo }) => outcomes.get(orderNo) ?? { orderNo, status: 'RESERVED' as const },
      );
    });
  }

  async #known(
    manager: EntityManager,
    wishes: readonly NewReservation[],
  ): Promise<[string, ReservationOutcome][]> {
    if (wishes.length === 0) return [];
    const found = await this.reservations.findAll(
      manager,
      wishes.map(({ orderNo }) => orderNo),
    );
    return wishes.map(({ orderNo, transactionKey, items }) => {
      const known = found.get(orderNo);
      if (known?.status === 'RELEASED') {
        const reason = `order ${orderNo} was given up; nothing can be reserved for it any more`;
        return [orderNo, { orderNo, status: 'RELEASED', reason }];
      }
      const isSame = known?.transactionKey === transactionKey && isSameItems(known.items, items);
      if (isSame) return [orderNo, { orderNo, status: 'RESERVED' }];
      const reason = `order ${orderNo} has a reservation with other items or another transactionKey`;
      return [orderNo, { orderNo, status: 'RESERVED_OTHERWISE', reason }];
    });
  }
}

function skusOf(wishes: readonly NewReservation[]): string[] {
  return [...new Set(wishes.flatMap(({ items }) => items.map(({ sku }) => sku)))];
}
