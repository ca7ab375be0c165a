import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { DomainError } from '../../common/errors.ts';
import { Gathering } from '../../common/gathering.ts';
import { inTransaction } from '../../common/transaction.ts';
import type { OrderClosed, OrderCreated, OrderPaid } from '../../contracts/order-events.ts';
import { decideMove } from '../domain/reservation.ts';
import { ReservationRepository } from '../persistence/reservation.repository.ts';
import { SettleReservation } from './settle-reservation.ts';

/** Nobody waits for it: an event may wait so long for others. */
const GATHER_MS = 25;

/**
 * Does with a reservation what its order's events say. They may come in any order and more than once: the row of the
 * reservation, moved by one table of moves, tells what is left to be done.
 *
 * Errors: STOCK.NOT_RESERVED, to be tried again; STOCK.CONTRADICTION for an event that cannot be true together with what was
 *         done here: a person must look at it.
 */
@Injectable()
export class FollowOrder {
  readonly #noting = new Gathering<string, Handling>({
    work: (orderNos) => this.#noteTogether(orderNos),
    alone: (orderNo) => this.#noteAlone(orderNo),
    paceMs: GATHER_MS,
  });
  readonly #confirming = new Gathering<string, Handling>({
    work: (orderNos) => this.#confirmTogether(orderNos),
    alone: (orderNo) => this.#confirmAlone(orderNo),
    paceMs: GATHER_MS,
  });

  constructor(
    private readonly dataSource: DataSource,
    private readonly reservations: ReservationRepository,
    private readonly settle: SettleReservation,
    private readonly clock: Clock,
  ) {}

  execute({ type, orderNo }: OrderCreated | OrderPaid | OrderClosed): Promise<Handling> {
    const reactions: Record<typeof type, () => Promise<Handling>> = {
      Created: () => this.#noting.add(orderNo),
      Paid: () => this.#confirming.add(orderNo),
      Closed: () => this.#closed(orderNo),
    };
    return reactions[type]();
  }

  /** Throws when there is one among them of which it is no news. */
  async #noteTogether(orderNos: readonly string[]): Promise<Handling[]> {
    await inTransaction(this.dataSource, async (manager) => {
      const count = await this.reservations.noteOrders(manager, orderNos, this.clock.now());
      if (count !== orderNos.length) throw new Error(`${count} of ${orderNos.length} are news`);
    });
    return orderNos.map(() => 'handled');
  }

  #noteAlone(orderNo: string): Promise<Handling> {
    return inTransaction(this.dataSource, async (manager) => {
      const count = await this.reservations.noteOrders(manager, [orderNo], this.clock.now());
      if (count === 1) return 'handled';
      const found = await this.reservations.find(manager, orderNo);
      if (found === undefined) throw notReserved(orderNo);
      if (found.isOrderKnown) return 'overtaken';
      throw contradiction(orderNo, 'was placed, and its goods were let go before');
    });
  }

  /** Throws when one of them has another reservation than a held one, or none, or somebody else is at it. */
  #confirmTogether(orderNos: readonly string[]): Promise<Handling[]> {
    return inTransaction(this.dataSource, async (manager) => {
      const heldNos = await this.reservations.holdReserved(manager, orderNos);
      if (heldNos.length !== orderNos.length) {
        throw new Error(`${heldNos.length} of ${orderNos.length} are held`);
      }
      const change = { status: 'CONFIRMED', isOrderKnown: true } as const;
      await this.settle.executeAll(manager, orderNos, change, this.clock.now());
      return orderNos.map(() => 'handled');
    });
  }

  #confirmAlone(orderNo: string): Promise<Handling> {
    return inTransaction(this.dataSource, async (manager) => {
      const found = await this.reservations.findForUpdate(manager, orderNo);
      if (found === undefined) throw notReserved(orderNo);
      const move = decideMove(found.status, 'CONFIRMED');
      if (move === 'repeated') return 'duplicate';
      if (move === 'refused') {
        throw contradiction(orderNo, `was paid, and its reservation is ${found.status}`);
      }
      const change = { status: 'CONFIRMED', isOrderKnown: true } as const;
      await this.settle.execute(manager, orderNo, change, this.clock.now());
      return 'handled';
    });
  }

  #closed(orderNo: string): Promise<Handling> {
    const now = this.clock.now();
    return inTransaction(this.dataSource, async (manager) => {
      const found = await this.reservations.findForUpdateOrBury(manager, orderNo, now);
      const move = decideMove(found.status, 'RELEASED');
      if (move === 'refused') {
        throw contradiction(orderNo, `was closed, and its reservation is ${found.status}`);
      }
      if (move === 'moved') {
        const change = { status: 'RELEASED', isOrderKnown: true } as const;
        await this.settle.execute(manager, orderNo, change, now);
        return 'handled';
      }
      if (found.isOrderKnown) return 'duplicate';
      await this.reservations.update(manager, [orderNo], { isOrderKnown: true }, now);
      return 'handled';
    });
  }
}

function notReserved(orderNo: string): DomainError {
  return new DomainError(
    'STOCK.NOT_RESERVED',
    'unavailable',
    `order ${orderNo} has no reservation; it is made before the order is placed`,
  );
}

function contradiction(orderNo: string, what: string): DomainError {
  return new DomainError('STOCK.CONTRADICTION', 'invalid', `order ${orderNo} ${what}`);
}
