import { Module, type DynamicModule } from '@nestjs/common';
import { FoundationModule } from '../common/foundation.module.ts';
import { HttpPeer } from '../common/http-peer.ts';
import { IdempotentRequest } from '../common/idempotent-requests.ts';
import type { Log } from '../common/log.ts';
import { CloseUnpaidOrder } from './application/close-unpaid-order.ts';
import { CheckFlashOrders } from './application/check-flash-orders.ts';
import { CompleteRefund } from './application/complete-refund.ts';
import { FindCatalogue } from './application/find-catalogue.ts';
import { FindOrder } from './application/find-order.ts';
import { OrderGoods } from './application/order-goods.ts';
import { OrderPayments } from './application/order-payments.ts';
import { PayOrder } from './application/pay-order.ts';
import { PlaceFlashOrders } from './application/place-flash-orders.ts';
import { PlaceOrder } from './application/place-order.ts';
import { PlacingLimit } from './application/placing-limit.ts';
import { PayTimeout, RequestCloseCheck } from './application/request-close-check.ts';
import { RequestRefund } from './application/request-refund.ts';
import { ShipOrder } from './application/ship-order.ts';
import type { OrderConfig } from './config.ts';
import { CatalogueController } from './http/catalogue.controller.ts';
import { FlashOrderController } from './http/flash-order.controller.ts';
import { OrderTransactionsController } from './http/order-transactions.controller.ts';
import { OrderController } from './http/order.controller.ts';
import { OnCloseCheck } from './messaging/on-close-check.ts';
import { OnFlashCloseCheck } from './messaging/on-flash-close-check.ts';
import { OnPaymentSucceeded } from './messaging/on-payment-succeeded.ts';
import { OnRefundCompleted } from './messaging/on-refund-completed.ts';
import { OnShipped } from './messaging/on-shipped.ts';
import { Orders1764000000000 } from './persistence/migrations/1764000000000-orders.ts';
import { Outbox1764000000001 } from './persistence/migrations/1764000000001-outbox.ts';
import { CatalogueSeed1764000000002 } from './persistence/migrations/1764000000002-catalogue-seed.ts';
import { HalfMessages1764000000003 } from './persistence/migrations/1764000000003-half-messages.ts';
import { LifeOfAnOrder1764000000004 } from './persistence/migrations/1764000000004-life-of-an-order.ts';
import { FlashOrders1764000000005 } from './persistence/migrations/1764000000005-flash-orders.ts';
import { OrderRefundRepository } from './persistence/order-refund.repository.ts';
import {
  CatalogueItemRow,
  OrderItemRow,
  OrderRefundItemRow,
  OrderRefundRow,
  OrderRow,
} from './persistence/order.entity.ts';
import { OrderRepository } from './persistence/order.repository.ts';

/** Batches get so many times the time of a single order; with the defaults less than the flash sale gives us for one. */
const BATCH_PATIENCE = 4;

/** Places orders, follows what becomes of them, closes those nobody pays, and tells everybody else through ORDER_EVENTS. */
@Module({})
export class OrderModule {
  static with(config: OrderConfig, log: Log): DynamicModule {
    const { service, payTimeoutMs, closeGraceMs } = config;
    return {
      module: OrderModule,
      imports: [
        FoundationModule.with({
          name: 'order',
          settings: service,
          entities: [
            OrderRow,
            OrderItemRow,
            CatalogueItemRow,
            OrderRefundRow,
            OrderRefundItemRow,
            IdempotentRequest,
          ],
          migrations: [
            Orders1764000000000,
            Outbox1764000000001,
            CatalogueSeed1764000000002,
            HalfMessages1764000000003,
            LifeOfAnOrder1764000000004,
            FlashOrders1764000000005,
          ],
          log,
        }),
      ],
      controllers: [
        OrderController,
        CatalogueController,
        FlashOrderController,
        OrderTransactionsController,
      ],
      providers: [
        OrderRepository,
        OrderRefundRepository,
        PlaceOrder,
        PlaceFlashOrders,
        PayOrder,
        CloseUnpaidOrder,
        CheckFlashOrders,
        ShipOrder,
        RequestRefund,
        CompleteRefund,
        FindOrder,
        FindCatalogue,
        RequestCloseCheck,
        OnCloseCheck,
        OnFlashCloseCheck,
        OnPaymentSucceeded,
        OnShipped,
        OnRefundCompleted,
        { provide: PlacingLimit, useValue: new PlacingLimit(config.maxPlacing) },
        { provide: PayTimeout, useValue: new PayTimeout(payTimeoutMs, closeGraceMs) },
        {
          provide: OrderGoods,
          useValue: new OrderGoods(
            {
              stock: new HttpPeer(config.stock),
              patientStock: new HttpPeer({
                ...config.stock,
                timeoutMs: config.stock.timeoutMs * BATCH_PATIENCE,
              }),
              coupons: new HttpPeer(config.coupon),
            },
            log,
          ),
        },
        { provide: OrderPayments, useValue: new OrderPayments(new HttpPeer(config.payment)) },
      ],
    };
  }
}
