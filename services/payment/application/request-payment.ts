import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { newDocumentNo } from '../../common/document-number.ts';
import { DomainError } from '../../common/errors.ts';
import { fingerprintOf } from '../../common/idempotency-key.ts';
import { claimAll, IdempotentRequests, type ClaimKey } from '../../common/idempotent-requests.ts';
import { joining, MessageTransactions, type JointWork } from '../../common/message-transactions.ts';
import { inTransaction } from '../../common/transaction.ts';
import { alreadyLive, requestPayment, type Payment } from '../domain/payment.ts';
import { PaymentRepository } from '../persistence/payment.repository.ts';
import { PayableOrders } from './payable-orders.ts';
import { paymentRequested } from './payment-announcements.ts';
import { RequestPaymentQuery } from './request-payment-query.ts';

export interface PaymentCommand {
  idempotencyKey: string;
  orderNo: string;
}

/**
 * Begins to have an order paid, once for each idempotency key. Nobody waits for the channel: the payment's row commits, and
 * with it the message that has it charged; by then the message that will look after it is on its way.
 *
 * Errors: ORDER.NOT_FOUND, ORDER.UNAVAILABLE; PAYMENT.NOT_PAYABLE, PAYMENT.UNDER_WAY, PAYMENT.ALREADY_PAID;
 *         REQUEST.KEY_REUSED; those of a message transaction.
 */
@Injectable()
export class RequestPayment {
  readonly #inserting: JointWork<{ claim: ClaimKey; payment: Payment }, boolean>;

  constructor(
    private readonly dataSource: DataSource,
    private readonly payments: PaymentRepository,
    private readonly orders: PayableOrders,
    private readonly requests: IdempotentRequests,
    private readonly transactions: MessageTransactions,
    private readonly requestQuery: RequestPaymentQuery,
    private readonly clock: Clock,
  ) {
    this.#inserting = transactions.jointly(async (manager, wishes) => {
      await claimAll(
        manager,
        wishes.map(({ claim }) => claim),
      );
      await payments.insertAll(
        manager,
        wishes.map(({ payment }) => payment),
      );
      return wishes.map(() => true);
    });
  }

  /** The payment's number; its row is committed. */
  async execute(command: PaymentCommand): Promise<{ paymentNo: string; isReplay: boolean }> {
    const { idempotencyKey, orderNo } = command;
    const createdAt = this.clock.now();
    const { resourceNo, isReplay } = await this.requests.perform(
      { operation: 'pay', idempotencyKey, fingerprint: fingerprintOf([orderNo]) },
      newDocumentNo(createdAt),
      (claim, paymentNo) => this.#begin(orderNo, { paymentNo, createdAt }, claim),
    );
    return { paymentNo: resourceNo, isReplay };
  }

  /** False when another request with the key was first. */
  async #begin(
    orderNo: string,
    wish: { paymentNo: string; createdAt: Date },
    claim: ClaimKey,
  ): Promise<boolean> {
    // A first look, so that what is refused costs no message and no question.
    const live = await this.payments.findLive(this.dataSource.manager, orderNo);
    if (live !== undefined) return this.#refuse(live, claim);
    const order = await this.orders.find(orderNo);
    const payment = requestPayment(order, wish.paymentNo, wish.createdAt);
    return this.transactions.announce<boolean>(
      paymentRequested(payment),
      async (manager) => {
        // First, so that of two requests with one key the second waits here until the first has committed or not.
        if (!(await claim(manager))) return { rollback: false };
        if (!(await this.payments.insert(manager, payment)))
          throw await this.#beaten(payment, manager);
        return { commit: true };
      },
      {
        first: (transactionKey) => this.requestQuery.execute(payment, transactionKey),
        joined: joining(this.#inserting, { claim, payment }),
      },
    );
  }

  /** The live payment may be this request's own, made by another delivery of it: then it is no refusal but the answer. */
  #refuse(live: Payment, claim: ClaimKey): Promise<boolean> {
    return inTransaction(this.dataSource, async (manager) => {
      if (!(await claim(manager))) return false;
      throw alreadyLive(live);
    });
  }

  async #beaten({ orderNo }: Payment, manager: EntityManager): Promise<DomainError> {
    const live = await this.payments.findLive(manager, orderNo);
    if (live !== undefined) return alreadyLive(live);
    return new DomainError(
      'PAYMENT.UNDER_WAY',
      'unavailable',
      `another payment of order ${orderNo} has failed at this moment; try again`,
    );
  }
}
