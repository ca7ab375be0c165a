import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import { appendToOutbox } from '../../common/outbox.ts';
import { OutboxRelay } from '../../common/outbox-relay.ts';
import type { RefundStepDue } from '../../contracts/refund-events.ts';
import { refundStepResult } from '../../contracts/refund-step-results.ts';
import { recallCoupon, type Coupon } from '../domain/coupon.ts';
import { recallRedPacket } from '../domain/red-packet.ts';
import type { Redemption } from '../domain/redemption.ts';
import { CouponRepository } from '../persistence/coupon.repository.ts';
import { RedPacketRepository } from '../persistence/red-packet.repository.ts';
import { RedemptionRepository } from '../persistence/redemption.repository.ts';
import { GiveCouponBack } from './give-coupon-back.ts';

/**
 * Takes back the coupon and the red packet that an order has earned, when all of it is refunded, gives back the coupon it
 * has used, and tells that it is done; the result commits with it. Asked again, it tells so again.
 *
 * Errors: COUPON.NOT_ISSUED_YET while the payment has not been heard of here; to be tried again.
 */
@Injectable()
export class RecallRewards {
  constructor(
    private readonly inbox: Inbox,
    private readonly coupons: CouponRepository,
    private readonly packets: RedPacketRepository,
    private readonly redemptions: RedemptionRepository,
    private readonly giveBack: GiveCouponBack,
    private readonly relay: OutboxRelay,
    private readonly clock: Clock,
  ) {}

  async execute(due: RefundStepDue, incoming: IncomingEvent): Promise<'handled' | 'duplicate'> {
    const outcome = await this.inbox.once(incoming, async (manager) => {
      const at = this.clock.now();
      const note = due.isWhole
        ? await this.#recall(manager, due.orderNo, at)
        : 'nothing is recalled, part of the order stays paid';
      await appendToOutbox(manager, refundStepResult(due, { type: 'Done', note, at }));
    });
    this.relay.wake();
    return outcome;
  }

  async #recall(manager: EntityManager, orderNo: string, at: Date): Promise<string> {
    const used = await this.redemptions.findForUpdate(manager, orderNo);
    const earned = await this.coupons.findForUpdate(manager, { orderNo });
    // Two groups hear of the payment, either may be late. A recall that overtook one would be undone by it.
    if (earned === undefined || used?.status === 'HELD') throw notIssuedYet(orderNo);
    const notes = [
      await this.#recallCoupon(manager, earned, at),
      await this.#recallRedPacket(manager, orderNo, at),
      await this.#giveBack(manager, used, at),
    ];
    return notes.filter((note) => note !== '').join('; ');
  }

  async #recallCoupon(manager: EntityManager, coupon: Coupon, at: Date): Promise<string> {
    const recalled = recallCoupon(coupon, at);
    await this.coupons.update(manager, recalled);
    if (recalled.status === 'REDEEMED') {
      return `coupon already used for order ${recalled.redeemedByOrderNo}`;
    }
    return coupon.status === 'RECALLED' ? 'coupon was recalled before' : 'coupon recalled';
  }

  async #recallRedPacket(manager: EntityManager, orderNo: string, at: Date): Promise<string> {
    const packet = await this.packets.findForUpdate(manager, orderNo);
    if (packet === undefined) return 'it had no red packet';
    const recalled = recallRedPacket(packet, at);
    if (recalled === packet) return 'red packet was recalled before';
    await this.packets.update(manager, recalled);
    return 'red packet recalled';
  }

  async #giveBack(manager: EntityManager, used: Redemption | undefined, at: Date): Promise<string> {
    if (used?.status !== 'KEPT') return '';
    await this.giveBack.execute(manager, used, {}, at);
    return 'the coupon it used given back';
  }
}

function notIssuedYet(orderNo: string): DomainError {
  return new DomainError(
    'COUPON.NOT_ISSUED_YET',
    'unavailable',
    `order ${orderNo} is refunded, and not all that follows from its payment has been done here yet`,
  );
}
