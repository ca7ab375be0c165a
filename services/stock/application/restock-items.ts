import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { DomainError } from '../../common/errors.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import { appendToOutbox } from '../../common/outbox.ts';
import { OutboxRelay } from '../../common/outbox-relay.ts';
import type { RefundStepDue } from '../../contracts/refund-events.ts';
import { refundStepResult, RefundStepResultTag } from '../../contracts/refund-step-results.ts';
import { decideRestock } from '../domain/restock.ts';
import { ReservationRepository } from '../persistence/reservation.repository.ts';
import { RestockRepository } from '../persistence/restock.repository.ts';
import { StockLedger } from '../persistence/stock-ledger.ts';

type Result = Pick<Parameters<typeof refundStepResult>[1], 'type' | 'note'>;

/**
 * Puts what a refund gives back on the shelf again, once for each refund; the result commits with it. A step that comes again
 * under another eventId has its result told again. More than was sold is refused, and a person must look at that.
 *
 * Errors: STOCK.NOT_SOLD_YET, to be tried again: the refund has overtaken the payment; STOCK.RESTOCKED_OTHERWISE.
 */
@Injectable()
export class RestockItems {
  constructor(
    private readonly inbox: Inbox,
    private readonly reservations: ReservationRepository,
    private readonly restocks: RestockRepository,
    private readonly ledger: StockLedger,
    private readonly relay: OutboxRelay,
    private readonly clock: Clock,
  ) {}

  async execute(due: RefundStepDue, incoming: IncomingEvent): Promise<Handling> {
    const outcome = await this.inbox.once(incoming, async (manager) => {
      const now = this.clock.now();
      const result = await this.#restock(manager, due, now);
      await appendToOutbox(manager, refundStepResult(due, { ...result, at: now }));
    });
    this.relay.wake();
    return outcome;
  }

  async #restock(manager: EntityManager, due: RefundStepDue, now: Date): Promise<Result> {
    const { orderNo, refundNo } = due;
    // Money that came too late: the order's goods were let go when it was closed.
    if (due.items.length === 0) return done('no goods belong to this refund');
    const found = await this.reservations.findForUpdate(manager, orderNo);
    if (found === undefined || found.status === 'RESERVED') throw notSoldYet(orderNo);
    const reserved = await this.reservations.itemsOf(manager, orderNo);
    const sold = found.status === 'CONFIRMED' ? reserved : [];
    const decision = decideRestock(due, sold, await this.restocks.ofOrder(manager, orderNo));
    if (decision.outcome === 'repeated') return done('the goods are back already');
    if (decision.outcome === 'refused') {
      return { type: RefundStepResultTag.Failed, note: decision.reason };
    }
    if (!(await this.restocks.insert(manager, { refundNo, orderNo, restockedAt: now }))) {
      throw new DomainError(
        'STOCK.RESTOCKED_OTHERWISE',
        'invalid',
        `refund ${refundNo} has put back goods of another order than ${orderNo}`,
      );
    }
    await this.ledger.move(manager, 'RESTOCKED', refundNo, decision.items, now);
    return done('the goods are back in stock');
  }
}

function done(note: string): Result {
  return { type: RefundStepResultTag.Done, note };
}

function notSoldYet(orderNo: string): DomainError {
  return new DomainError(
    'STOCK.NOT_SOLD_YET',
    'unavailable',
    `nothing is known here of the payment of order ${orderNo}, whose refund is to put goods back`,
  );
}
