import { Module, type DynamicModule } from '@nestjs/common';
import { FoundationModule } from '../common/foundation.module.ts';
import { HttpPeer } from '../common/http-peer.ts';
import { IdempotentRequest } from '../common/idempotent-requests.ts';
import type { Log } from '../common/log.ts';
import { Metrics } from '../common/metrics.ts';
import { ChannelSignatures } from './application/channel-signatures.ts';
import { ChargePayment } from './application/charge-payment.ts';
import { FindPayments } from './application/find-payments.ts';
import { PayableOrders } from './application/payable-orders.ts';
import { PaymentChannel } from './application/payment-channel.ts';
import { PaymentMetrics } from './application/payment-metrics.ts';
import { QueryPayment } from './application/query-payment.ts';
import { ChannelPatience, RequestPaymentQuery } from './application/request-payment-query.ts';
import { RequestPayment } from './application/request-payment.ts';
import { ReturnMoney } from './application/return-money.ts';
import { SettlePayment } from './application/settle-payment.ts';
import { TakeCallback } from './application/take-callback.ts';
import type { PaymentConfig } from './config.ts';
import { ChannelCallbackController } from './http/channel-callback.controller.ts';
import { PaymentController } from './http/payment.controller.ts';
import { OnPaymentQuery } from './messaging/on-payment-query.ts';
import { OnPaymentRequested } from './messaging/on-payment-requested.ts';
import { OnReturnMoneyDue } from './messaging/on-return-money-due.ts';
import { Payments1764000000000 } from './persistence/migrations/1764000000000-payments.ts';
import { PaymentRefundRepository } from './persistence/payment-refund.repository.ts';
import { ChannelCallbackRow, PaymentRefundRow, PaymentRow } from './persistence/payment.entity.ts';
import { PaymentRepository } from './persistence/payment.repository.ts';

/** Has orders paid and money given back through the channel, and tells everybody else through PAYMENT_EVENTS. */
@Module({})
export class PaymentModule {
  static with(config: PaymentConfig, log: Log): DynamicModule {
    return {
      module: PaymentModule,
      imports: [
        FoundationModule.with({
          name: 'payment',
          settings: config.service,
          entities: [PaymentRow, ChannelCallbackRow, PaymentRefundRow, IdempotentRequest],
          migrations: [Payments1764000000000],
          log,
        }),
      ],
      controllers: [PaymentController, ChannelCallbackController],
      providers: [
        PaymentRepository,
        PaymentRefundRepository,
        RequestPayment,
        RequestPaymentQuery,
        ChargePayment,
        SettlePayment,
        TakeCallback,
        QueryPayment,
        ReturnMoney,
        FindPayments,
        OnPaymentRequested,
        OnPaymentQuery,
        OnReturnMoneyDue,
        { provide: PayableOrders, useValue: new PayableOrders(new HttpPeer(config.order)) },
        { provide: ChannelPatience, useValue: new ChannelPatience(config.query) },
        { provide: ChannelSignatures, useValue: new ChannelSignatures(config.callbacks) },
        {
          provide: PaymentMetrics,
          useFactory: (metrics: Metrics) => new PaymentMetrics(metrics),
          inject: [Metrics],
        },
        {
          provide: PaymentChannel,
          useFactory: (metrics: PaymentMetrics) =>
            new PaymentChannel(new HttpPeer(config.channel), config.callbackUrl, metrics),
          inject: [PaymentMetrics],
        },
      ],
    };
  }
}
