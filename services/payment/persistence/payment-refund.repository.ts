import { Injectable } from '@nestjs/common';
import { In, type EntityManager } from 'typeorm';
import { insertInto } from '../../common/insert-into.ts';
import { minorUnits, type MinorUnits } from '../../common/money.ts';
import type { PaymentRefund } from '../domain/payment-refund.ts';
import { PaymentRefundRow } from './payment.entity.ts';

/** Refunds as rows. Whoever changes one holds the row of its payment. */
@Injectable()
export class PaymentRefundRepository {
  async insert(manager: EntityManager, refund: PaymentRefund): Promise<void> {
    await insertInto(manager, PaymentRefundRow, [rowOf(refund)]);
  }

  async find(manager: EntityManager, refundNo: string): Promise<PaymentRefund | undefined> {
    const row = await manager.findOneBy(PaymentRefundRow, { refundNo });
    return row ? refundOf(row) : undefined;
  }

  async ofPayment(manager: EntityManager, paymentNo: string): Promise<PaymentRefund[]> {
    const rows = await manager.findBy(PaymentRefundRow, { paymentNo });
    return rows.map((row) => refundOf(row));
  }

  async update(manager: EntityManager, refund: PaymentRefund): Promise<void> {
    const { status, isRefused, attemptCount, lastError, eventId, updatedAt } = rowOf(refund);
    const progress = { status, isRefused, attemptCount, lastError, eventId, updatedAt };
    await manager.update(PaymentRefundRow, { refundNo: refund.refundNo }, progress);
  }

  /** For people, while it goes on. */
  async noteError(
    manager: EntityManager,
    refundNo: string,
    { lastError, updatedAt }: { lastError: string; updatedAt: Date },
  ): Promise<void> {
    const note = { lastError: lastError.slice(0, 255), updatedAt };
    await manager.update(PaymentRefundRow, { refundNo, status: 'PROCESSING' }, note);
  }

  /** What of each payment has gone back; a payment of which nothing has is not among them. */
  async refundedMinor(
    manager: EntityManager,
    paymentNos: readonly string[],
  ): Promise<ReadonlyMap<string, MinorUnits>> {
    if (paymentNos.length === 0) return new Map();
    const rows = await manager
      .createQueryBuilder(PaymentRefundRow, 'refund')
      .select('refund.payment_no', 'paymentNo')
      .addSelect('SUM(refund.amount_minor)', 'sum')
      .where({ paymentNo: In([...paymentNos]), status: 'SUCCEEDED' })
      .groupBy('refund.payment_no')
      .getRawMany<{ paymentNo: string; sum: string }>();
    return new Map(rows.map(({ paymentNo, sum }) => [paymentNo, minorUnits(Number(sum))]));
  }
}

function refundOf({ lastError, ...facts }: PaymentRefundRow): PaymentRefund {
  return { ...facts, ...(lastError === null ? {} : { lastError }) };
}

function rowOf(refund: PaymentRefund): PaymentRefundRow {
  return { ...refund, lastError: refund.lastError?.slice(0, 255) ?? null };
}
