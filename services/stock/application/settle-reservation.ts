import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { ReservationStatus } from '../domain/reservation.ts';
import { ReservationRepository } from '../persistence/reservation.repository.ts';
import { StockLedger } from '../persistence/stock-ledger.ts';

/** Ends a reservation whose row the transaction holds, and moves what was set aside. */
@Injectable()
export class SettleReservation {
  constructor(
    private readonly reservations: ReservationRepository,
    private readonly ledger: StockLedger,
  ) {}

  /** `change.status`: where its goods go. */
  async execute(
    manager: EntityManager,
    orderNo: string,
    change: { status: Exclude<ReservationStatus, 'RESERVED'>; isOrderKnown?: true },
    at: Date,
  ): Promise<void> {
    await this.reservations.update(manager, orderNo, change, at);
    const items = await this.reservations.itemsOf(manager, orderNo);
    await this.ledger.move(manager, change.status, orderNo, items, at);
  }
}
