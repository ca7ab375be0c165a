import { Module, type DynamicModule } from '@nestjs/common';
import { FoundationModule } from '../common/foundation.module.ts';
import { HttpPeer } from '../common/http-peer.ts';
import type { Log } from '../common/log.ts';
import { RequestReservationCheck } from '../common/request-reservation-check.ts';
import { Spool } from '../common/spool.ts';
import { ReservationCheckTag } from '../contracts/reservation-check.ts';
import { OrderTransactions } from '../common/order-transactions.ts';
import { CheckReservation } from './application/check-reservation.ts';
import { FindStock } from './application/find-stock.ts';
import { FollowOrder } from './application/follow-order.ts';
import { ReleaseReservation } from './application/release-reservation.ts';
import { ReserveBatch } from './application/reserve-batch.ts';
import { ReserveStock } from './application/reserve-stock.ts';
import { RestockItems } from './application/restock-items.ts';
import { SettleReservation } from './application/settle-reservation.ts';
import type { StockConfig } from './config.ts';
import { ReservationBatchController } from './http/reservation-batch.controller.ts';
import { ReservationController } from './http/reservation.controller.ts';
import { StockController } from './http/stock.controller.ts';
import { OnOrderEvent } from './messaging/on-order-event.ts';
import { OnReservationCheck } from './messaging/on-reservation-check.ts';
import { OnRestockDue } from './messaging/on-restock-due.ts';
import { Stock1764000000000 } from './persistence/migrations/1764000000000-stock.ts';
import { FirstDelivery1764000000001 } from './persistence/migrations/1764000000001-first-delivery.ts';
import { ReservationRepository } from './persistence/reservation.repository.ts';
import { RestockRepository } from './persistence/restock.repository.ts';
import { StockLedger } from './persistence/stock-ledger.ts';
import {
  ReservationItemRow,
  ReservationRow,
  RestockRow,
  StockLevelRow,
  StockMovementRow,
} from './persistence/stock.entity.ts';

/** Knows how many pieces of each sku there are, sets them aside for orders, and lets go of them or sells them. */
@Module({})
export class StockModule {
  static with({ service, reservationCheckDelayMs, order }: StockConfig, log: Log): DynamicModule {
    return {
      module: StockModule,
      imports: [
        FoundationModule.with({
          name: 'stock',
          settings: service,
          entities: [
            StockMovementRow,
            StockLevelRow,
            ReservationRow,
            ReservationItemRow,
            RestockRow,
          ],
          migrations: [Stock1764000000000, FirstDelivery1764000000001],
          log,
        }),
      ],
      controllers: [ReservationController, ReservationBatchController, StockController],
      providers: [
        StockLedger,
        ReservationRepository,
        RestockRepository,
        ReserveStock,
        ReserveBatch,
        ReleaseReservation,
        SettleReservation,
        CheckReservation,
        FollowOrder,
        RestockItems,
        FindStock,
        OnOrderEvent,
        OnReservationCheck,
        OnRestockDue,
        {
          provide: RequestReservationCheck,
          useFactory: (spool: Spool) =>
            new RequestReservationCheck(spool, ReservationCheckTag.Stock, reservationCheckDelayMs),
          inject: [Spool],
        },
        { provide: OrderTransactions, useValue: new OrderTransactions(new HttpPeer(order)) },
      ],
    };
  }
}
