import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import { appendToOutbox } from '../../common/outbox.ts';
import { OutboxRelay } from '../../common/outbox-relay.ts';
import type { OrderPaidTooLate, OrderRefundRequested } from '../../contracts/order-events.ts';
import { beginSaga } from '../domain/refund-saga.ts';
import { refuseMoreThanTotal, type Refund } from '../domain/refund.ts';
import { RefundRepository } from '../persistence/refund.repository.ts';
import { refundNews } from './refund-announcements.ts';

/**
 * Writes down a refund with its steps, and has the first one done. A second event about the same refund changes nothing.
 *
 * Errors: REFUND.EXCEEDS_TOTAL.
 */
@Injectable()
export class BeginRefund {
  constructor(
    private readonly inbox: Inbox,
    private readonly refunds: RefundRepository,
    private readonly relay: OutboxRelay,
    private readonly clock: Clock,
  ) {}

  async execute(
    event: OrderRefundRequested | OrderPaidTooLate,
    incoming: IncomingEvent,
  ): Promise<'handled' | 'duplicate'> {
    const isLate = event.type === 'PaidTooLate';
    const reason = isLate ? 'LATE_PAYMENT' : 'CUSTOMER';
    const { saga, news } = beginSaga(event.refundNo, reason);
    const refund: Refund = {
      ...saga,
      orderNo: event.orderNo,
      userId: event.userId,
      paymentNo: event.paymentNo,
      reason,
      refundMinor: event.refundMinor,
      orderTotalMinor: event.totalMinor,
      currency: event.currency,
      items: isLate ? [] : event.items,
      isWhole: isLate || event.isWhole,
      requestedAt: new Date(event.occurredAt),
    };
    refuseMoreThanTotal(refund);
    const outcome = await this.inbox.once(incoming, async (manager) => {
      if (!(await this.refunds.insert(manager, refund))) return;
      if (news) await appendToOutbox(manager, refundNews(refund, news, this.clock.now()));
    });
    this.relay.wake();
    return outcome;
  }
}
