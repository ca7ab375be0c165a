import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.ts';
import { insertOnce } from '../../common/database-errors.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { Log } from '../../common/log.ts';
import type { OrderPaid } from '../../contracts/order-events.ts';
import { couponFor } from '../domain/coupon.ts';
import { CouponRow } from '../persistence/coupon.entity.ts';

/** Issues the one coupon of a paid order. A second event about the same payment finds it issued and adds none. */
@Injectable()
export class IssueCoupon {
  constructor(
    private readonly inbox: Inbox,
    private readonly clock: Clock,
  ) {}

  execute(paid: OrderPaid, incoming: IncomingEvent, log: Log): Promise<'handled' | 'duplicate'> {
    const coupon = couponFor(paid, this.clock.now());
    return this.inbox.once(incoming, async (manager) => {
      const isNew = await insertOnce(insertInto(manager, CouponRow, [coupon]));
      if (!isNew) log.warn('the order already has its coupon; this event told of it again');
    });
  }
}
