import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { DomainError } from '../../common/errors.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import { appendToOutbox } from '../../common/outbox.ts';
import { OutboxRelay } from '../../common/outbox-relay.ts';
import { inTransaction } from '../../common/transaction.ts';
import type { RefundStepResult } from '../../contracts/refund-step-results.ts';
import { applyResult, retryFailed, type SagaMove } from '../domain/refund-saga.ts';
import { isRefundNo, type Refund } from '../domain/refund.ts';
import { RefundRepository } from '../persistence/refund.repository.ts';
import { refundNews } from './refund-announcements.ts';

/** Moves a refund on: by what became of a step, or because a person wants a failed one tried again. */
@Injectable()
export class AdvanceRefund {
  constructor(
    private readonly dataSource: DataSource,
    private readonly inbox: Inbox,
    private readonly refunds: RefundRepository,
    private readonly relay: OutboxRelay,
    private readonly clock: Clock,
  ) {}

  /** Errors: REFUND.NOT_FOUND; REFUND.OF_ANOTHER_ORDER, REFUND.STEP_UNKNOWN, REFUND.STEP_NOT_DUE. */
  async byResult(result: RefundStepResult, incoming: IncomingEvent): Promise<Handling> {
    let isOvertaken = false;
    const outcome = await this.inbox.once(incoming, async (manager) => {
      const refund = await this.#locked(manager, result.refundNo);
      refuseOtherOrder(refund, result);
      const move = applyResult(refund, result);
      isOvertaken = move === undefined;
      if (move !== undefined) await this.#make(manager, refund, move);
    });
    this.relay.wake();
    return isOvertaken ? 'overtaken' : outcome;
  }

  /** Errors: REFUND.NOT_FOUND; REFUND.NOT_STUCK naming the state. */
  async byRetry(refundNo: string): Promise<void> {
    if (!isRefundNo(refundNo)) throw refundNotFound(refundNo);
    await inTransaction(this.dataSource, async (manager) => {
      const refund = await this.#locked(manager, refundNo);
      await this.#make(manager, refund, retryFailed(refund));
    });
    this.relay.wake();
  }

  async #make(manager: EntityManager, refund: Refund, { saga, news }: SagaMove): Promise<void> {
    const now = this.clock.now();
    await this.refunds.update(manager, refund, saga, now);
    if (news) await appendToOutbox(manager, refundNews(refund, news, now));
  }

  async #locked(manager: EntityManager, refundNo: string): Promise<Refund> {
    const refund = await this.refunds.findForUpdate(manager, refundNo);
    if (refund === undefined) throw refundNotFound(refundNo);
    return refund;
  }
}

/** A step may have been refused because it named a refund that is another order's: that one goes on. */
function refuseOtherOrder({ refundNo, orderNo }: Refund, result: RefundStepResult): void {
  if (result.orderNo === orderNo) return;
  throw new DomainError(
    'REFUND.OF_ANOTHER_ORDER',
    'invalid',
    `refund ${refundNo} is of order ${orderNo}, this result is of order ${result.orderNo}`,
  );
}

export function refundNotFound(refundNo: string): DomainError {
  return new DomainError('REFUND.NOT_FOUND', 'not_found', `there is no refund ${refundNo}`);
}
