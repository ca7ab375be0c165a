import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { DomainError } from '../../common/errors.ts';
import { Gathering } from '../../common/gathering.ts';
import { inTransaction } from '../../common/transaction.ts';
import type { OrderClosed, OrderCreated, OrderPaid } from '../../contracts/order-events.ts';
import { decideMove, decideRelease } from '../domain/redemption.ts';
import { RedemptionRepository } from '../persistence/redemption.repository.ts';
import { GiveCouponBack } from './give-coupon-back.ts';

/** Nobody waits for it: an event may wait so long for others. */
const GATHER_MS = 25;

/**
 * Does with a redemption what its order's events say. They may come in any order and more than once: the row of the
 * redemption, moved by one table of moves, tells what is left to be done. An order is placed after its coupon is redeemed:
 * one without a redemption uses no coupon, and there will be none that would have to be refused.
 *
 * Errors: COUPON.CONTRADICTION for an event that cannot be true together with what was done here: a person must look at it.
 */
@Injectable()
export class FollowOrder {
  readonly #looking = new Gathering<string, boolean>({
    work: async (orderNos) => {
      const known = await this.redemptions.known(this.dataSource.manager, orderNos);
      return orderNos.map((orderNo) => known.has(orderNo));
    },
    paceMs: GATHER_MS,
  });

  constructor(
    private readonly dataSource: DataSource,
    private readonly redemptions: RedemptionRepository,
    private readonly giveBack: GiveCouponBack,
    private readonly clock: Clock,
  ) {}

  async execute({ type, orderNo }: OrderCreated | OrderPaid | OrderClosed): Promise<Handling> {
    // A first look, together with others: most orders use no coupon.
    if (!(await this.#looking.add(orderNo))) return 'overtaken';
    const reactions: Record<typeof type, () => Promise<Handling>> = {
      Created: () => this.#created(orderNo),
      Paid: () => this.#paid(orderNo),
      Closed: () => this.#closed(orderNo),
    };
    return reactions[type]();
  }

  #created(orderNo: string): Promise<Handling> {
    return inTransaction(this.dataSource, async (manager) => {
      if (await this.redemptions.noteOrder(manager, orderNo, this.clock.now())) return 'handled';
      const found = await this.redemptions.find(manager, orderNo);
      if (found === undefined || found.isOrderKnown) return 'overtaken';
      throw contradiction(orderNo, 'was placed, and its coupon was given back before');
    });
  }

  #paid(orderNo: string): Promise<Handling> {
    const now = this.clock.now();
    return inTransaction(this.dataSource, async (manager) => {
      const found = await this.redemptions.findForUpdate(manager, orderNo);
      if (found === undefined) return 'overtaken';
      // A refund may have given the coupon back since.
      if (found.keptAt !== null) return 'duplicate';
      if (decideMove(found.status, 'KEPT') === 'refused') {
        throw contradiction(orderNo, `was paid, and its redemption is ${found.status}`);
      }
      const change = { status: 'KEPT', isOrderKnown: true, keptAt: now } as const;
      await this.redemptions.update(manager, orderNo, change, now);
      return 'handled';
    });
  }

  #closed(orderNo: string): Promise<Handling> {
    const now = this.clock.now();
    return inTransaction(this.dataSource, async (manager) => {
      const found = await this.redemptions.findForUpdate(manager, orderNo);
      if (found === undefined) return 'overtaken';
      const move = decideRelease(found);
      if (move === 'refused') {
        throw contradiction(orderNo, 'was closed, and its redemption was KEPT: it is paid');
      }
      if (move === 'moved') {
        await this.giveBack.execute(manager, found, { isOrderKnown: true }, now);
        return 'handled';
      }
      if (found.isOrderKnown) return 'duplicate';
      await this.redemptions.update(manager, orderNo, { isOrderKnown: true }, now);
      return 'handled';
    });
  }
}

function contradiction(orderNo: string, what: string): DomainError {
  return new DomainError('COUPON.CONTRADICTION', 'invalid', `order ${orderNo} ${what}`);
}
