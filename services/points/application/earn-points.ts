import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import type { Log } from '../../common/log.ts';
import type { OrderPaid } from '../../contracts/order-events.ts';
import { pointsFor } from '../domain/points.ts';
import { PointsRepository, type NewMovement } from '../persistence/points.repository.ts';

/** Credits the points of a paid order, once. */
@Injectable()
export class EarnPoints {
  readonly #earn: (incoming: IncomingEvent, earning: Earning) => Promise<'handled' | 'duplicate'>;

  constructor(
    inbox: Inbox,
    points: PointsRepository,
    private readonly clock: Clock,
  ) {
    this.#earn = inbox.together<Earning>(async (manager, earnings) => {
      const [first] = earnings;
      if (earnings.length > 1 || first === undefined) {
        await points.moveAll(
          manager,
          earnings.map(({ movement }) => movement),
        );
      } else if (!(await points.move(manager, first.movement))) {
        first.log.warn('the order has its points already; this event told of it again');
      }
    });
  }

  execute(paid: OrderPaid, incoming: IncomingEvent, log: Log): Promise<'handled' | 'duplicate'> {
    const movement: NewMovement = {
      kind: 'EARNED',
      reference: paid.orderNo,
      orderNo: paid.orderNo,
      userId: paid.userId,
      points: pointsFor(paid.totalMinor),
      amountMinor: paid.totalMinor,
      occurredAt: this.clock.now(),
    };
    return this.#earn(incoming, { movement, log });
  }
}

interface Earning {
  movement: NewMovement;
  log: Log;
}
