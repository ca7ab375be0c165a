import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import { appendToOutbox } from '../../common/outbox.ts';
import { OutboxRelay } from '../../common/outbox-relay.ts';
import type { RefundStepDue } from '../../contracts/refund-events.ts';
import { refundStepResult } from '../../contracts/refund-step-results.ts';
import { pointsToDeduct } from '../domain/points.ts';
import { PointsRepository } from '../persistence/points.repository.ts';

/**
 * Takes back the points that what is refunded has earned, once for a refund, and tells that it is done; asked again, it tells
 * so again.
 *
 * Errors: POINTS.NOT_EARNED_YET while the payment has not been heard of here; to be tried again. POINTS.FOREIGN_REFUND for
 *         a refund by which points of another order were taken back.
 */
@Injectable()
export class DeductPoints {
  constructor(
    private readonly inbox: Inbox,
    private readonly points: PointsRepository,
    private readonly relay: OutboxRelay,
    private readonly clock: Clock,
  ) {}

  async execute(due: RefundStepDue, incoming: IncomingEvent): Promise<'handled' | 'duplicate'> {
    const outcome = await this.inbox.once(incoming, async (manager) => {
      const note = await this.#deduct(manager, due);
      const result = refundStepResult(due, { type: 'Done', note, at: this.clock.now() });
      await appendToOutbox(manager, result);
    });
    this.relay.wake();
    return outcome;
  }

  async #deduct(manager: EntityManager, due: RefundStepDue): Promise<string> {
    const { orderNo, refundNo, refundMinor } = due;
    // Held, so that of two refunds of one order the second counts the first.
    const earned = await this.points.earnedByForUpdate(manager, orderNo);
    if (earned === null) throw notEarnedYet(orderNo);
    const movements = await this.points.ofOrder(manager, orderNo);
    const earlier = movements.filter(({ kind }) => kind === 'DEDUCTED');
    const known = earlier.find(({ reference }) => reference === refundNo);
    if (known !== undefined) return `${known.points} points were deducted before`;
    const points = pointsToDeduct({
      earnedPoints: earned.points,
      paidMinor: earned.amountMinor,
      refundedBeforeMinor: earlier.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
      refundMinor,
    });
    const isNew = await this.points.move(manager, {
      kind: 'DEDUCTED',
      reference: refundNo,
      orderNo,
      userId: earned.userId,
      points,
      amountMinor: refundMinor,
      occurredAt: this.clock.now(),
    });
    if (!isNew) throw refundOfAnother(orderNo, refundNo);
    return `${points} points deducted`;
  }
}

function notEarnedYet(orderNo: string): DomainError {
  return new DomainError(
    'POINTS.NOT_EARNED_YET',
    'unavailable',
    `order ${orderNo} has no points yet: its payment has not been heard of here`,
  );
}

function refundOfAnother(orderNo: string, refundNo: string): DomainError {
  return new DomainError(
    'POINTS.FOREIGN_REFUND',
    'invalid',
    `refund ${refundNo} has taken back points before, and not those of order ${orderNo}`,
  );
}
