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
    await this.executeAll(manager, [orderNo], change, at);
  }

  /** The same for several. */
  async executeAll(
    manager: EntityManager,
    orderNos: readonly string[],
    change: { status: Exclude<ReservationStatus, 'RESERVED'>; isOrderKnown?: true },
    at: Date,
  ): Promise<void> {
    await this.reservations.update(manager, orderNos, change, at);
    const moves = await this.reservations.itemsOfAll(manager, orderNos);
    await this.ledger.moveAll(manager, change.status, moves, at);
  }
}
