import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import type { Log } from '../../common/log.ts';
import type { OrderPaid } from '../../contracts/order-events.ts';
import { pointsFor } from '../domain/points.ts';
import { PointsRepository } from '../persistence/points.repository.ts';

/** Credits the points of a paid order, once. */
@Injectable()
export class EarnPoints {
  constructor(
    private readonly inbox: Inbox,
    private readonly points: PointsRepository,
    private readonly clock: Clock,
  ) {}

  execute(paid: OrderPaid, incoming: IncomingEvent, log: Log): Promise<'handled' | 'duplicate'> {
    return this.inbox.once(incoming, async (manager) => {
      const isNew = await this.points.move(manager, {
        kind: 'EARNED',
        reference: paid.orderNo,
        orderNo: paid.orderNo,
        userId: paid.userId,
        points: pointsFor(paid.totalMinor),
        amountMinor: paid.totalMinor,
        occurredAt: this.clock.now(),
      });
      if (!isNew) log.warn('the order has its points already; this event told of it again');
    });
  }
}
