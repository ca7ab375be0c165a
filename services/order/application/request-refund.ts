import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { newDocumentNo } from '../../common/document-number.ts';
import { DomainError } from '../../common/errors.ts';
import { fingerprintOf } from '../../common/idempotency-key.ts';
import { IdempotentRequests, type ClaimKey } from '../../common/idempotent-requests.ts';
import { MessageTransactions } from '../../common/message-transactions.ts';
import { requestRefund, type OrderRefund } from '../domain/order-refund.ts';
import type { Order, OrderLine } from '../domain/order.ts';
import { OrderRefundRepository } from '../persistence/order-refund.repository.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { orderNotFound } from './find-order.ts';
import { refundBegun } from './order-announcements.ts';

export interface RefundCommand {
  idempotencyKey: string;
  orderNo: string;
  /** Undefined: all that is left. */
  items: readonly OrderLine[] | undefined;
}

/**
 * Begins a refund, once for each idempotency key: the order is REFUNDING from then on, and what is left to be done, the
 * refund service has done step by step.
 *
 * Errors: ORDER.NOT_FOUND; ORDER.ILLEGAL_MOVE, ORDER.REFUND_UNDER_WAY, ORDER.REFUND_EXCEEDS; REQUEST.KEY_REUSED; those of a
 *         message transaction.
 */
@Injectable()
export class RequestRefund {
  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly refunds: OrderRefundRepository,
    private readonly requests: IdempotentRequests,
    private readonly transactions: MessageTransactions,
    private readonly clock: Clock,
  ) {}

  async execute(command: RefundCommand): Promise<{ refund: OrderRefund; isReplay: boolean }> {
    const { idempotencyKey, orderNo, items } = command;
    const request = {
      operation: 'refund',
      idempotencyKey,
      fingerprint: fingerprintOf([orderNo, items?.map(({ sku, quantity }) => [sku, quantity])]),
    };
    const requestedAt = this.clock.now();
    const { resourceNo, isReplay } = await this.requests.perform(
      request,
      newDocumentNo(requestedAt),
      (claim, refundNo) => this.#begin(command, { refundNo, requestedAt }, claim),
    );
    const refund = await this.refunds.find(this.dataSource.manager, resourceNo);
    if (refund === undefined) throw new Error(`refund ${resourceNo} is committed and is not there`);
    return { refund, isReplay };
  }

  /** False when another request with the key was first. */
  async #begin(
    { orderNo, items }: RefundCommand,
    wish: { refundNo: string; requestedAt: Date },
    claim: ClaimKey,
  ): Promise<boolean> {
    const decide = (
      order: Order | undefined,
      earlier: readonly OrderRefund[],
    ): { order: Order; refund: OrderRefund } => {
      if (order === undefined) throw orderNotFound(orderNo);
      return requestRefund(order, earlier, { ...wish, items });
    };
    const { manager } = this.dataSource;
    // What can be refused costs no message. It also says how much the announcement speaks of. The refunds before the order:
    // one that begins in between is told by the order's state, and not by there being less left than that state allows.
    const known = await this.refunds.ofOrder(manager, orderNo);
    const intended = decide(await this.orders.find(manager, orderNo), known);
    const event = refundBegun(intended.order, intended.refund);
    return this.transactions.announce<boolean>(event, async (inTransaction) => {
      if (!(await claim(inTransaction))) return { rollback: false };
      const current = await this.orders.findForUpdate(inTransaction, orderNo);
      const earlier = await this.refunds.ofOrder(inTransaction, orderNo);
      const { order, refund } = decide(current, earlier);
      if (!isDeepStrictEqual(refund, intended.refund)) throw changedMeanwhile(orderNo);
      await this.refunds.insert(inTransaction, refund);
      await this.orders.updateProgress(inTransaction, order);
      return { commit: true };
    });
  }
}

function changedMeanwhile(orderNo: string): DomainError {
  return new DomainError(
    'ORDER.REFUND_UNDER_WAY',
    'conflict',
    `another refund of order ${orderNo} began and ended at this moment; try again`,
  );
}
