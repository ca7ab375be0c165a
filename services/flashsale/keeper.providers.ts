import type { Provider } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { HttpPeer } from '../common/http-peer.ts';
import type { Log } from '../common/log.ts';
import { Metrics } from '../common/metrics.ts';
import { Admin } from '../common/mq.module.ts';
import { sendGraceMs, type FlashSaleConfig } from './config.ts';
import { Pace } from './domain/pace.ts';
import { FlashOrderDesk } from './keeper/flash-order-desk.ts';
import { KeeperMetrics } from './keeper/keeper-metrics.ts';
import { KeeperRounds } from './keeper/keeper-rounds.ts';
import { MessagesOnTheWay } from './keeper/messages-on-the-way.ts';
import { PlaceTickets } from './keeper/place-tickets.ts';
import { RebuildSales, SendGrace } from './keeper/rebuild-sales.ts';
import { PendingTimeout, ReconcilePending } from './keeper/reconcile-pending.ts';
import { ReturnTicket } from './keeper/return-ticket.ts';
import { TellRedis } from './keeper/tell-redis.ts';
import { FLASH_ORDERS_GROUP, OnFlashOrderRequested } from './messaging/on-flash-order-requested.ts';
import { OnOrderClosed } from './messaging/on-order-closed.ts';
import { ParkedMessages } from './persistence/parked-messages.ts';
import { TicketLedger } from './persistence/ticket-ledger.ts';

/** What keeps the ledger and has orders placed. */
export function keeperOf(
  { service, gate, keeper }: FlashSaleConfig,
  log: Log,
): { providers: Provider[] } {
  return {
    providers: [
      TicketLedger,
      ParkedMessages,
      TellRedis,
      PlaceTickets,
      ReturnTicket,
      ReconcilePending,
      RebuildSales,
      KeeperRounds,
      OnFlashOrderRequested,
      OnOrderClosed,
      { provide: Pace, useFactory: () => new Pace(keeper) },
      { provide: FlashOrderDesk, useValue: new FlashOrderDesk(new HttpPeer(keeper.order)) },
      { provide: PendingTimeout, useValue: new PendingTimeout(keeper.pendingTimeoutMs) },
      { provide: SendGrace, useValue: new SendGrace(sendGraceMs(gate)) },
      {
        provide: KeeperMetrics,
        useFactory: (metrics: Metrics, pace: Pace) => new KeeperMetrics(metrics, pace),
        inject: [Metrics, Pace],
      },
      {
        provide: MessagesOnTheWay,
        useFactory: (dataSource: DataSource) =>
          new MessagesOnTheWay({
            dataSource,
            admin: new Admin({ namesrvAddr: service.namesrvAddr, logger: log }),
            consumerGroup: FLASH_ORDERS_GROUP,
          }),
        inject: [DataSource],
      },
    ],
  };
}
