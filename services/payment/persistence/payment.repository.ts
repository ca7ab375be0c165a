import { Injectable } from '@nestjs/common';
import { In, type EntityManager } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { isDocumentNo } from '../../common/document-number.ts';
import { insertInto } from '../../common/insert-into.ts';
import { updateRows } from '../../common/update-rows.ts';
import type { Payment } from '../domain/payment.ts';
import { ChannelCallbackRow, PaymentRow } from './payment.entity.ts';

/** Payments as rows. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class PaymentRepository {
  /** False when the order has a payment that has not failed. */
  insert(manager: EntityManager, payment: Payment): Promise<boolean> {
    return insertOnce(this.insertAll(manager, [payment]));
  }

  /** Errors: ER_DUP_ENTRY when one of the orders has a payment that has not failed. */
  insertAll(manager: EntityManager, payments: readonly Payment[]): Promise<void> {
    return insertInto(
      manager,
      PaymentRow,
      payments.map((payment) => rowOf(payment)),
    );
  }

  /**
   * Those of these payments that are there and that nobody else holds just now, by number; their rows are held until the
   * transaction ends. Of many one that somebody does not let go of must not keep the others waiting.
   */
  async holdAllFree(
    manager: EntityManager,
    paymentNos: readonly string[],
  ): Promise<Map<string, Payment>> {
    const rows = await manager.find(PaymentRow, {
      where: { paymentNo: In(paymentNos.filter((paymentNo) => isDocumentNo(paymentNo))) },
      lock: { mode: 'pessimistic_write', onLocked: 'skip_locked' },
    });
    return new Map(rows.map((row) => [row.paymentNo, paymentOf(row)]));
  }

  /** Writes how payments that are there have ended. */
  updateEnds(manager: EntityManager, payments: readonly Payment[]): Promise<void> {
    const rows = payments.map((payment) => rowOf(payment));
    return updateRows(manager, PaymentRow, rows, ['status', 'chargeNo', 'settledAt', 'failure']);
  }

  async find(manager: EntityManager, paymentNo: string): Promise<Payment | undefined> {
    // What cannot be a payment number never reaches a statement: the column is ASCII.
    if (!isDocumentNo(paymentNo)) return undefined;
    const row = await manager.findOneBy(PaymentRow, { paymentNo });
    return row ? paymentOf(row) : undefined;
  }

  /** Holds the payment's row until the transaction ends, so that of two moves at once the second sees the first. */
  async findForUpdate(manager: EntityManager, paymentNo: string): Promise<Payment | undefined> {
    if (!isDocumentNo(paymentNo)) return undefined;
    const row = await manager.findOne(PaymentRow, {
      where: { paymentNo },
      lock: { mode: 'pessimistic_write' },
    });
    return row ? paymentOf(row) : undefined;
  }

  /** The one payment of an order that has not failed. */
  async findLive(manager: EntityManager, orderNo: string): Promise<Payment | undefined> {
    const row = await manager.findOneBy(PaymentRow, {
      orderNo,
      status: In(['PROCESSING', 'SUCCEEDED']),
    });
    return row ? paymentOf(row) : undefined;
  }

  /** Newest first. */
  async ofOrder(manager: EntityManager, orderNo: string): Promise<Payment[]> {
    const rows = await manager.find(PaymentRow, {
      where: { orderNo },
      order: { createdAt: 'DESC', paymentNo: 'DESC' },
    });
    return rows.map((row) => paymentOf(row));
  }

  /** Writes how the payment ended; what it is over never changes. */
  async updateEnd(manager: EntityManager, payment: Payment): Promise<void> {
    const { status, chargeNo, settledAt, failure } = rowOf(payment);
    const end = { status, chargeNo, settledAt, failure };
    await manager.update(PaymentRow, { paymentNo: payment.paymentNo }, end);
  }

  /** Errors: ER_DUP_ENTRY when one of the nonces is used up. */
  useUpAll(manager: EntityManager, callbacks: readonly ChannelCallbackRow[]): Promise<void> {
    return insertInto(manager, ChannelCallbackRow, callbacks);
  }

  /** False when the nonce is used up. */
  useUp(manager: EntityManager, callback: ChannelCallbackRow): Promise<boolean> {
    return insertOnce(insertInto(manager, ChannelCallbackRow, [callback]));
  }
}

function paymentOf({ chargeNo, settledAt, failure, ...facts }: PaymentRow): Payment {
  return {
    ...facts,
    ...(chargeNo === null ? {} : { chargeNo }),
    ...(settledAt === null ? {} : { settledAt }),
    ...(failure === null ? {} : { failure }),
  };
}

function rowOf(payment: Payment): PaymentRow {
  return {
    ...payment,
    chargeNo: payment.chargeNo ?? null,
    settledAt: payment.settledAt ?? null,
    failure: payment.failure?.slice(0, 255) ?? null,
  };
}
