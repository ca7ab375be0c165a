import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { joining, MessageTransactions, type JointWork } from '../../common/message-transactions.ts';
import { inTransaction } from '../../common/transaction.ts';
import { checkAmount, settlePayment, type Settlement } from '../domain/payment.ts';
import { PaymentRepository } from '../persistence/payment.repository.ts';
import { paymentNotFound } from './find-payments.ts';
import { paymentSettled } from './payment-announcements.ts';

/** Whether the payment ended by it, and whose payment that is. */
export interface Settled {
  result: 'settled' | 'duplicate';
  orderNo: string;
}

/**
 * Ends a payment and announces how, once, from whomever it was heard: the channel's callback, its answer when asked, or its
 * promise to forget the charge. They meet at the payment's row.
 *
 * The nonce of a callback is used up in the transaction of its effect: one that was refused, or failed, may come again.
 *
 * Errors: PAYMENT.NOT_FOUND; CALLBACK.REPLAYED when the nonce is used up; CALLBACK.WRONG_AMOUNT; PAYMENT.CONTRADICTION when
 *         it has ended the other way; those of a message transaction.
 */
@Injectable()
export class SettlePayment {
  readonly #settling: JointWork<Settling, boolean>;

  constructor(
    private readonly dataSource: DataSource,
    private readonly payments: PaymentRepository,
    private readonly transactions: MessageTransactions,
    private readonly clock: Clock,
  ) {
    this.#settling = transactions.jointly((manager, settlings) =>
      this.#moveTogether(manager, settlings),
    );
  }

  async execute(paymentNo: string, settlement: Settlement, nonce?: string): Promise<Settled> {
    const found = await this.payments.find(this.dataSource.manager, paymentNo);
    if (found === undefined) throw paymentNotFound(paymentNo);
    checkAmount(found, settlement);
    // A first look, so that what is done already costs no message.
    const { payment, isRepeat } = settlePayment(found, settlement);
    const isSettled =
      !isRepeat &&
      (await this.transactions.announce<boolean>(
        paymentSettled(payment, settlement),
        async (manager) => {
          const isFirst = await this.#move(manager, paymentNo, settlement, nonce);
          return isFirst ? { commit: true } : { rollback: false };
        },
        { joined: joining(this.#settling, { paymentNo, settlement, nonce }) },
      ));
    const { orderNo } = found;
    if (isSettled) return { result: 'settled', orderNo };
    await inTransaction(this.dataSource, (manager) =>
      this.#useUp(manager, paymentNo, { settlement, nonce, hasSettled: false }),
    );
    return { result: 'duplicate', orderNo };
  }

  /** Throws when one of them has to be looked at alone: it has ended, is not there, is held, comes twice, or its nonce does. */
  async #moveTogether(manager: EntityManager, settlings: readonly Settling[]): Promise<boolean[]> {
    // Before the nonces, as for one.
    const held = await this.payments.holdAllFree(
      manager,
      settlings.map(({ paymentNo }) => paymentNo),
    );
    const ended = settlings.map(({ paymentNo, settlement }) => {
      const current = held.get(paymentNo);
      const decision = current && settlePayment(current, settlement);
      if (decision === undefined || decision.isRepeat || !held.delete(paymentNo)) {
        throw new Error(`payment ${paymentNo} has to be looked at alone`);
      }
      return decision.payment;
    });
    const receivedAt = this.clock.now();
    const callbacks = settlings.flatMap(({ paymentNo, settlement: { outcome }, nonce }) =>
      nonce === undefined ? [] : [{ nonce, paymentNo, outcome, hasSettled: true, receivedAt }],
    );
    if (callbacks.length > 0) await this.payments.useUpAll(manager, callbacks);
    await this.payments.updateEnds(manager, ended);
    return ended.map(() => true);
  }

  async #move(
    manager: EntityManager,
    paymentNo: string,
    settlement: Settlement,
    nonce: string | undefined,
  ): Promise<boolean> {
    // Before the nonce, whose foreign key would share a lock of the row that each of two callbacks then wants alone.
    const current = await this.payments.findForUpdate(manager, paymentNo);
    if (current === undefined) throw paymentNotFound(paymentNo);
    await this.#useUp(manager, paymentNo, { settlement, nonce, hasSettled: true });
    const { payment, isRepeat } = settlePayment(current, settlement);
    if (!isRepeat) await this.payments.updateEnd(manager, payment);
    return !isRepeat;
  }

  async #useUp(
    manager: EntityManager,
    paymentNo: string,
    callback: { settlement: Settlement; nonce: string | undefined; hasSettled: boolean },
  ): Promise<void> {
    const { settlement, nonce, hasSettled } = callback;
    if (nonce === undefined) return;
    const { outcome } = settlement;
    const row = { nonce, paymentNo, outcome, hasSettled, receivedAt: this.clock.now() };
    if (await this.payments.useUp(manager, row)) return;
    throw new DomainError(
      'CALLBACK.REPLAYED',
      'conflict',
      `this callback of payment ${paymentNo} has been taken before; a new sending has a new nonce`,
    );
  }
}

interface Settling {
  paymentNo: string;
  settlement: Settlement;
  nonce: string | undefined;
}
