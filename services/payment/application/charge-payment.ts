import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { DomainError } from '../../common/errors.ts';
import type { PaymentEvent } from '../../contracts/payment-events.ts';
import { PaymentRepository } from '../persistence/payment.repository.ts';
import { paymentNotFound } from './find-payments.ts';
import { PaymentChannel } from './payment-channel.ts';
import { SettlePayment } from './settle-payment.ts';

/**
 * Asks the channel to charge a payment. Asked again it is the same charge: the payment's number says so.
 *
 * Errors: PAYMENT.NOT_FOUND; the channel's, of which those that leave it open are tried again.
 */
@Injectable()
export class ChargePayment {
  constructor(
    private readonly dataSource: DataSource,
    private readonly payments: PaymentRepository,
    private readonly channel: PaymentChannel,
    private readonly settlePayment: SettlePayment,
    private readonly clock: Clock,
  ) {}

  async execute({ paymentNo }: PaymentEvent): Promise<Handling> {
    const payment = await this.payments.find(this.dataSource.manager, paymentNo);
    if (payment === undefined) throw paymentNotFound(paymentNo);
    if (payment.status !== 'PROCESSING') return 'overtaken';
    try {
      await this.channel.charge(payment);
      return 'handled';
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'CHANNEL.VOIDED') throw error;
    }
    const settledAt = this.clock.now();
    const failure = 'it came to the channel after it had been given up there';
    await this.settlePayment.execute(paymentNo, { outcome: 'FAILED', settledAt, failure });
    return 'handled';
  }
}
