import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { DomainError } from '../../common/errors.ts';
import { appendToOutbox } from '../../common/outbox.ts';
import { OutboxRelay } from '../../common/outbox-relay.ts';
import { inTransaction } from '../../common/transaction.ts';
import type { RefundStepDue } from '../../contracts/refund-events.ts';
import { refundStepResult } from '../../contracts/refund-step-results.ts';
import {
  decideRefundMove,
  isOther,
  obstacleTo,
  type PaymentRefund,
} from '../domain/payment-refund.ts';
import { PaymentRefundRepository } from '../persistence/payment-refund.repository.ts';
import { PaymentRepository } from '../persistence/payment.repository.ts';
import { paymentNotFound } from './find-payments.ts';
import { PaymentChannel } from './payment-channel.ts';

/**
 * Gives money back through the channel, as the last step of a refund, and answers how that went in the transaction that
 * notes it. The channel is asked between two transactions, never in one.
 *
 * The refund's row decides, not the message: a step that is tried again by an operator comes under another eventId, and
 * begins a FAILED refund anew; of one that has SUCCEEDED only the answer is repeated. Whatever changes the refunds of a
 * payment holds the payment's row, so that their sum is never above it.
 */
@Injectable()
export class ReturnMoney {
  constructor(
    private readonly dataSource: DataSource,
    private readonly payments: PaymentRepository,
    private readonly refunds: PaymentRefundRepository,
    private readonly channel: PaymentChannel,
    private readonly relay: OutboxRelay,
    private readonly clock: Clock,
  ) {}

  /** Errors: PAYMENT.NOT_FOUND, PAYMENT.NOT_SETTLED; THIRD_PARTY.UNAVAILABLE: nobody knows, to be tried again. */
  async execute(due: RefundStepDue): Promise<Handling> {
    const begun = await this.#change((manager) => this.#begin(manager, due));
    if (begun !== 'begun') return begun;
    const refusal = await this.#ask(due);
    return this.#change((manager) => this.#end(manager, due, refusal));
  }

  /** For a step that has failed too often: a person must look at it. */
  giveUp(due: RefundStepDue, reason: string): Promise<Handling> {
    return this.#change(async (manager) => {
      const payment = await this.payments.findForUpdate(manager, due.paymentNo);
      const known = await this.refunds.find(manager, due.refundNo);
      if (known === undefined) {
        if (payment !== undefined) await this.refunds.insert(manager, this.#refused(due, reason));
      } else if (isOther(known, due)) {
        reason = otherRefund(known);
      } else {
        if (known.status === 'SUCCEEDED') return this.#doneAgain(manager, due);
        const isCurrent = known.eventId === due.eventId;
        if (known.status === 'FAILED' && isCurrent) return 'duplicate';
        // Another message is at it, which will succeed or be given up itself.
        if (known.status === 'PROCESSING' && !isCurrent) return 'overtaken';
        await this.#update(manager, { ...known, status: 'FAILED', eventId: due.eventId }, reason);
      }
      await this.#answer(manager, due, 'Failed', reason);
      return 'handled';
    });
  }

  async #begin(manager: EntityManager, due: RefundStepDue): Promise<Handling | 'begun'> {
    const payment = await this.payments.findForUpdate(manager, due.paymentNo);
    if (payment === undefined) throw paymentNotFound(due.paymentNo);
    const known = await this.refunds.find(manager, due.refundNo);
    if (known !== undefined) {
      if (isOther(known, due)) {
        await this.#answer(manager, due, 'Failed', otherRefund(known));
        return 'handled';
      }
      if (known.status === 'SUCCEEDED') return this.#doneAgain(manager, due);
      if (known.status === 'FAILED' && known.eventId === due.eventId) return 'duplicate';
    }
    const all = await this.refunds.ofPayment(manager, payment.paymentNo);
    const others = all.filter(({ refundNo }) => refundNo !== due.refundNo);
    const obstacle = obstacleTo(due, payment, others);
    if (obstacle !== undefined) {
      if (known === undefined) await this.refunds.insert(manager, this.#refused(due, obstacle));
      else await this.#refuse(manager, { ...known, eventId: due.eventId }, obstacle);
      await this.#answer(manager, due, 'Failed', obstacle);
      return 'handled';
    }
    const isNothing = due.refundMinor === 0;
    const begun: PaymentRefund = {
      ...(known ?? this.#new(due)),
      status: isNothing ? 'SUCCEEDED' : 'PROCESSING',
      isRefused: false,
      attemptCount: (known?.attemptCount ?? 0) + (isNothing ? 0 : 1),
      eventId: due.eventId,
    };
    if (known === undefined) {
      await this.refunds.insert(manager, begun);
    } else {
      decideRefundMove(known, begun.status);
      await this.#update(manager, begun);
    }
    if (!isNothing) return 'begun';
    await this.#answer(manager, due, 'Done', 'there was nothing to give back');
    return 'handled';
  }

  /** Why the channel refuses for good; undefined when the money is back. Errors: those after which nobody knows. */
  async #ask(due: RefundStepDue): Promise<string | undefined> {
    try {
      await this.channel.refund(due);
      return undefined;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const reason = `${error.code}: ${error.message}`;
      if (error.kind === 'conflict' || error.kind === 'invalid') return reason;
      await this.refunds.noteError(this.dataSource.manager, due.refundNo, {
        lastError: reason,
        updatedAt: this.clock.now(),
      });
      throw error;
    }
  }

  async #end(
    manager: EntityManager,
    due: RefundStepDue,
    refusal: string | undefined,
  ): Promise<Handling> {
    await this.payments.findForUpdate(manager, due.paymentNo);
    const refund = await this.refunds.find(manager, due.refundNo);
    if (refund === undefined) throw new Error(`refund ${due.refundNo} has begun and is not there`);
    if (refusal !== undefined) {
      // Another delivery has been told how it ended, and has answered.
      if (refund.status !== 'PROCESSING') return 'overtaken';
      await this.#refuse(manager, refund, refusal);
      await this.#answer(manager, due, 'Failed', refusal);
      return 'handled';
    }
    if (decideRefundMove(refund, 'SUCCEEDED') === 'repeated') return 'duplicate';
    await this.#update(manager, { ...refund, status: 'SUCCEEDED', isRefused: false });
    await this.#answer(manager, due, 'Done', 'the channel has given the money back');
    return 'handled';
  }

  async #doneAgain(manager: EntityManager, due: RefundStepDue): Promise<Handling> {
    await this.#answer(manager, due, 'Done', 'the money was given back before');
    return 'duplicate';
  }

  #refuse(manager: EntityManager, refund: PaymentRefund, lastError: string): Promise<void> {
    decideRefundMove(refund, 'FAILED');
    return this.#update(manager, { ...refund, status: 'FAILED', isRefused: true }, lastError);
  }

  #update(manager: EntityManager, refund: PaymentRefund, lastError?: string): Promise<void> {
    const updatedAt = this.clock.now();
    return this.refunds.update(manager, {
      ...refund,
      updatedAt,
      ...(lastError === undefined ? {} : { lastError }),
    });
  }

  #new(due: RefundStepDue): PaymentRefund {
    const { refundNo, paymentNo, orderNo, refundMinor: amountMinor, eventId } = due;
    const now = this.clock.now();
    const facts = { refundNo, paymentNo, orderNo, amountMinor, eventId };
    const start = { status: 'PROCESSING', isRefused: false, attemptCount: 0 } as const;
    return { ...facts, ...start, createdAt: now, updatedAt: now };
  }

  /** One that never came to the channel. */
  #refused(due: RefundStepDue, lastError: string): PaymentRefund {
    return { ...this.#new(due), status: 'FAILED', isRefused: true, lastError };
  }

  #answer(
    manager: EntityManager,
    due: RefundStepDue,
    type: 'Done' | 'Failed',
    note: string,
  ): Promise<void> {
    return appendToOutbox(manager, refundStepResult(due, { type, note, at: this.clock.now() }));
  }

  async #change<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const result = await inTransaction(this.dataSource, work);
    this.relay.wake();
    return result;
  }
}

function otherRefund({ refundNo, paymentNo, amountMinor }: PaymentRefund): string {
  return `refund ${refundNo} stands for ${amountMinor} of payment ${paymentNo}`;
}
