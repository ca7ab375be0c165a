import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { newDocumentNo } from '../../common/document-number.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import type { Log } from '../../common/log.ts';
import type { OrderPaid } from '../../contracts/order-events.ts';
import { couponFor, type Coupon } from '../domain/coupon.ts';
import { redPacketFor, type RedPacket } from '../domain/red-packet.ts';
import { CouponRepository } from '../persistence/coupon.repository.ts';
import { RedPacketRepository } from '../persistence/red-packet.repository.ts';

/**
 * Issues the one coupon and the one red packet of a paid order, both or none. A second event about the same payment finds
 * them issued and adds what is missing: an order paid when there were no red packets yet has only its coupon.
 */
@Injectable()
export class IssueRewards {
  readonly #issue: (incoming: IncomingEvent, rewards: Rewards) => Promise<'handled' | 'duplicate'>;

  constructor(
    inbox: Inbox,
    private readonly coupons: CouponRepository,
    private readonly packets: RedPacketRepository,
    private readonly clock: Clock,
  ) {
    this.#issue = inbox.together<Rewards>(async (manager, all) => {
      const [first] = all;
      if (all.length === 1 && first !== undefined) return this.#issueAlone(manager, first);
      await coupons.insertAll(
        manager,
        all.map(({ coupon }) => coupon),
      );
      await packets.insertAll(
        manager,
        all.map(({ packet }) => packet),
      );
    });
  }

  execute(paid: OrderPaid, incoming: IncomingEvent, log: Log): Promise<'handled' | 'duplicate'> {
    const issuedAt = this.clock.now();
    const coupon = couponFor(paid, issuedAt);
    const packet = redPacketFor(paid, { packetNo: newDocumentNo(issuedAt), issuedAt });
    return this.#issue(incoming, { orderNo: paid.orderNo, coupon, packet, log });
  }

  async #issueAlone(
    manager: EntityManager,
    { orderNo, coupon, packet, log }: Rewards,
  ): Promise<void> {
    if (!(await this.coupons.insert(manager, coupon))) {
      log.warn('the order already has its coupon; this event told of it again');
      const earned = await this.coupons.findForUpdate(manager, { orderNo });
      // Refunded since: what is missing is not wanted any more.
      if (earned === undefined || earned.recallAskedAt !== null) return;
    }
    await this.packets.insert(manager, packet);
  }
}

interface Rewards {
  orderNo: string;
  coupon: Coupon;
  packet: RedPacket;
  log: Log;
}
