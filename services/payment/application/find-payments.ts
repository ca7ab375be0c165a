import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DomainError } from '../../common/errors.ts';
import type { MinorUnits } from '../../common/money.ts';
import type { Payment } from '../domain/payment.ts';
import { PaymentRefundRepository } from '../persistence/payment-refund.repository.ts';
import { PaymentRepository } from '../persistence/payment.repository.ts';

/** A payment, and what of it has gone back. */
export interface PaymentState extends Payment {
  refundedMinor: MinorUnits;
}

@Injectable()
export class FindPayments {
  constructor(
    private readonly dataSource: DataSource,
    private readonly payments: PaymentRepository,
    private readonly refunds: PaymentRefundRepository,
  ) {}

  /** Errors: PAYMENT.NOT_FOUND. */
  async one(paymentNo: string): Promise<PaymentState> {
    const payment = await this.payments.find(this.dataSource.manager, paymentNo);
    const [state] = await this.#withRefunds(payment === undefined ? [] : [payment]);
    if (state === undefined) throw paymentNotFound(paymentNo);
    return state;
  }

  /** Newest first. */
  async ofOrder(orderNo: string): Promise<PaymentState[]> {
    return this.#withRefunds(await this.payments.ofOrder(this.dataSource.manager, orderNo));
  }

  async #withRefunds(payments: readonly Payment[]): Promise<PaymentState[]> {
    const refunded = await this.refunds.refundedMinor(
      this.dataSource.manager,
      payments.map(({ paymentNo }) => paymentNo),
    );
    return payments.map((payment) => ({
      ...payment,
      refundedMinor: refunded.get(payment.paymentNo) ?? 0,
    }));
  }
}

export function paymentNotFound(paymentNo: string): DomainError {
  return new DomainError('PAYMENT.NOT_FOUND', 'not_found', `there is no payment ${paymentNo}`);
}
