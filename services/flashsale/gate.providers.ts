import type { Provider, Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { DataSource } from 'typeorm';
import { BrokerBreaker } from '../common/broker-breaker.ts';
import { Clock } from '../common/clock.ts';
import { newDocumentNo } from '../common/document-number.ts';
import { HttpPeer } from '../common/http-peer.ts';
import type { Log } from '../common/log.ts';
import { Metrics } from '../common/metrics.ts';
import { Producer } from '../common/mq.module.ts';
import { OutboxRelay } from '../common/outbox-relay.ts';
import { CloseFlashSale } from './application/close-flash-sale.ts';
import { FindFlashSales } from './application/find-flash-sales.ts';
import { FindTicket } from './application/find-ticket.ts';
import { OpenFlashSale } from './application/open-flash-sale.ts';
import { SaleAnnouncements } from './application/sale-announcements.ts';
import { SaleStock } from './application/sale-stock.ts';
import { sendGraceMs, type FlashSaleConfig } from './config.ts';
import { FlashOrderQueue } from './gate/flash-order-queue.ts';
import { FlashOrderSender } from './gate/flash-order-sender.ts';
import { OrderGate } from './gate/order-gate.ts';
import { SaleMemory } from './gate/sale-memory.ts';
import { SaleNews } from './gate/sale-news.ts';
import { SaleWatch } from './gate/sale-watch.ts';
import { TicketStreams } from './gate/ticket-streams.ts';
import { Visitors } from './gate/visitors.ts';
import { FlashSaleController } from './http/flash-sale.controller.ts';
import { OrderRoute } from './http/order-route.ts';
import { TicketController } from './http/ticket.controller.ts';
import { FlashSaleRepository } from './persistence/flash-sale.repository.ts';
import { SaleKeys } from './redis/sale-keys.ts';
import { SaleState } from './redis/sale-state.ts';

/** What admits customers, and tells them what has become of them. */
export function gateOf(
  { service, gate, stock }: FlashSaleConfig,
  log: Log,
): { controllers: Type[]; providers: Provider[] } {
  const memory = new SaleMemory();
  return {
    controllers: [FlashSaleController, TicketController],
    providers: [
      OpenFlashSale,
      CloseFlashSale,
      FindFlashSales,
      FindTicket,
      SaleAnnouncements,
      {
        provide: OrderRoute,
        useFactory: (
          adapterHost: HttpAdapterHost,
          orderGate: OrderGate,
          visitors: Visitors,
          metrics: Metrics,
        ) => new OrderRoute({ adapterHost, gate: orderGate, visitors, metrics, log }),
        inject: [HttpAdapterHost, OrderGate, Visitors, Metrics],
      },
      { provide: SaleStock, useValue: new SaleStock(new HttpPeer(stock)) },
      { provide: SaleMemory, useValue: memory },
      { provide: Visitors, useValue: new Visitors(gate) },
      {
        provide: SaleWatch,
        useFactory: (
          dataSource: DataSource,
          sales: FlashSaleRepository,
          state: SaleState,
          clock: Clock,
        ) => new SaleWatch({ dataSource, sales, state, memory, clock, log }),
        inject: [DataSource, FlashSaleRepository, SaleState, Clock],
      },
      {
        provide: SaleNews,
        useFactory: (keys: SaleKeys, watch: SaleWatch) =>
          new SaleNews({
            url: service.inbox.redisUrl,
            keys,
            log,
            onStock: (saleId, remaining) => {
              if (remaining > 0) memory.hasStock(saleId);
            },
            onSale: () => watch.refreshSoon(),
          }),
        inject: [SaleKeys, SaleWatch],
      },
      {
        provide: FlashOrderQueue,
        useFactory: (
          dataSource: DataSource,
          producer: Producer,
          relay: OutboxRelay,
          breaker: BrokerBreaker,
          state: SaleState,
          clock: Clock,
          metrics: Metrics,
        ) =>
          new FlashOrderQueue({
            dataSource,
            sender: new FlashOrderSender({ producer, timeoutMs: gate.sendTimeoutMs, log }),
            relay,
            breaker,
            state,
            spoolTimeoutMs: gate.sendTimeoutMs,
            graceMs: sendGraceMs(gate),
            clock,
            metrics,
            log,
          }),
        inject: [DataSource, Producer, OutboxRelay, BrokerBreaker, SaleState, Clock, Metrics],
      },
      {
        provide: OrderGate,
        useFactory: (state: SaleState, queue: FlashOrderQueue, clock: Clock) =>
          new OrderGate({
            state,
            queue,
            memory,
            newTicketNo: () => newDocumentNo(clock.now()),
            log,
          }),
        inject: [SaleState, FlashOrderQueue, Clock],
      },
      {
        provide: TicketStreams,
        useFactory: (tickets: FindTicket, news: SaleNews) =>
          new TicketStreams({ tickets, news, log }),
        inject: [FindTicket, SaleNews],
      },
    ],
  };
}
