import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { DomainError } from '../../common/errors.ts';
import { MessageTransactions } from '../../common/message-transactions.ts';
import type { PaymentQuery } from '../../contracts/payment-query.ts';
import type { Payment, Settlement } from '../domain/payment.ts';
import { PaymentRepository } from '../persistence/payment.repository.ts';
import { PaymentChannel, type Charge } from './payment-channel.ts';
import { ChannelPatience } from './request-payment-query.ts';
import { SettlePayment } from './settle-payment.ts';

/**
 * Ends a payment of which the channel has not told: its callback was lost, or the charge, or the channel is away. It is asked
 * again and again, and at last told to forget the charge; then the payment has failed.
 *
 * Errors: PAYMENT.NOT_SETTLED, to be asked again later; THIRD_PARTY.WRONG_AMOUNT, for a person to look at; those of
 *         SettlePayment.
 */
@Injectable()
export class QueryPayment {
  constructor(
    private readonly dataSource: DataSource,
    private readonly payments: PaymentRepository,
    private readonly transactions: MessageTransactions,
    private readonly channel: PaymentChannel,
    private readonly settlePayment: SettlePayment,
    private readonly patience: ChannelPatience,
    private readonly clock: Clock,
  ) {}

  async execute(query: PaymentQuery): Promise<Handling> {
    const payment = await this.#paymentOf(query);
    if (payment === undefined || payment.status !== 'PROCESSING') return 'overtaken';
    const settlement = (await this.#heard(payment)) ?? (await this.#giveUp(payment));
    return this.#settle(payment, settlement);
  }

  /**
   * Undefined only when the payment does not exist and never will: its transaction may be under way still, and acknowledged
   * now, the query would never come again. So a transaction that has not committed by now must not.
   */
  async #paymentOf({ paymentNo, transactionKey }: PaymentQuery): Promise<Payment | undefined> {
    const { manager } = this.dataSource;
    const payment = await this.payments.find(manager, paymentNo);
    if (payment !== undefined) return payment;
    const outcome = await this.transactions.settle(transactionKey);
    return outcome === 'ROLLED_BACK' ? undefined : this.payments.find(manager, paymentNo);
  }

  /** How the channel says it ended; undefined when it does not say, or says nothing yet, and patience is at its end. */
  async #heard(payment: Payment): Promise<Settlement | undefined> {
    const { paymentNo, createdAt } = payment;
    let why = 'the channel has not settled it';
    let cause: unknown;
    try {
      const settlement = this.#settlementOf(await this.channel.find(paymentNo));
      if (settlement !== undefined) return settlement;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      cause = error;
      why = error.message;
    }
    const patientUntilMs = createdAt.getTime() + this.patience.giveUpMs;
    if (this.clock.now().getTime() >= patientUntilMs) return undefined;
    throw new DomainError(
      'PAYMENT.NOT_SETTLED',
      'unavailable',
      `payment ${paymentNo} is PROCESSING, it is waited for until ${new Date(patientUntilMs).toISOString()}: ${why}`,
      { cause },
    );
  }

  async #giveUp({ paymentNo }: Payment): Promise<Settlement> {
    try {
      await this.channel.forget(paymentNo);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'CHANNEL.SETTLED') throw again(error);
      // At the last moment it has ended after all.
      const settlement = this.#settlementOf(await this.channel.find(paymentNo));
      if (settlement === undefined) throw again(error);
      return settlement;
    }
    const failure = `the channel had not settled it within ${this.patience.giveUpMs} ms`;
    return { outcome: 'FAILED', settledAt: this.clock.now(), failure };
  }

  #settlementOf(charge: Charge): Settlement | undefined {
    const { status, settledAt = this.clock.now(), chargeNo, amountMinor, currency } = charge;
    if (status === 'PROCESSING') return undefined;
    // Voided before it came to the channel, it has no amount there.
    return status === 'VOIDED'
      ? { outcome: 'FAILED', settledAt, failure: 'the channel has voided it' }
      : { outcome: status, settledAt, charge: { chargeNo, amountMinor, currency } };
  }

  async #settle({ paymentNo }: Payment, settlement: Settlement): Promise<Handling> {
    try {
      const { result } = await this.settlePayment.execute(paymentNo, settlement);
      return result === 'settled' ? 'handled' : 'duplicate';
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'CALLBACK.WRONG_AMOUNT') throw error;
      // As a conflict it would be acknowledged, and nobody would look after the payment any more: it stays in the DLQ.
      throw new DomainError('THIRD_PARTY.WRONG_AMOUNT', 'invalid', error.message, { cause: error });
    }
  }
}

/** Whatever the channel has refused: the payment has not ended, so this must come again. */
function again(error: unknown): unknown {
  if (!(error instanceof DomainError) || error.kind === 'unavailable') return error;
  return new DomainError('PAYMENT.NOT_SETTLED', 'unavailable', error.message, { cause: error });
}
