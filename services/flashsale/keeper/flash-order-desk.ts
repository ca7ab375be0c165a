import { DomainError } from '../../common/errors.ts';
import type { HttpPeer } from '../../common/http-peer.ts';
import type { OrderOutcome } from '../persistence/ticket-ledger.ts';

/** What the order service is to place. */
export interface FlashOrder {
  ticketNo: string;
  saleId: string;
  sku: string;
  userId: string;
  quantity: number;
}

/** Has the order service place the orders of tickets. */
export class FlashOrderDesk {
  readonly #orders: HttpPeer;

  constructor(orders: HttpPeer) {
    this.#orders = orders;
  }

  /**
   * What became of each, in their order.
   *
   * Errors: ORDER.UNAVAILABLE when that is not known of all of them, whatever came instead of an answer: a refusal of the whole
   *         says nothing about any of them. To be asked again: nothing is placed twice.
   */
  async place(orders: readonly FlashOrder[]): Promise<OrderOutcome[]> {
    let cause: unknown;
    try {
      const answer = await this.#orders.post('/flash-orders', { orders });
      const { items } = (answer ?? {}) as { items?: unknown };
      const outcomes = (Array.isArray(items) ? items : []) as Partial<Answered>[];
      const read = orders.map((order, index) => outcomeOf(order, outcomes[index]));
      if (read.every((outcome) => outcome !== undefined)) return read;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      cause = error;
    }
    throw new DomainError(
      'ORDER.UNAVAILABLE',
      'unavailable',
      `the order service did not say what became of ${orders.length} flash orders, try again`,
      { cause },
    );
  }
}

interface Answered {
  ticketNo: string;
  status: string;
  code: string;
  reason: string;
}

function outcomeOf(
  { ticketNo, saleId }: FlashOrder,
  answered: Partial<Answered> | undefined,
): OrderOutcome | undefined {
  if (answered?.ticketNo !== ticketNo) return undefined;
  if (answered.status === 'ORDERED') return { ticketNo, saleId, refusal: undefined };
  if (answered.status !== 'REFUSED') return undefined;
  const { code = 'ORDER.REFUSED', reason = 'no order came of it' } = answered;
  return { ticketNo, saleId, refusal: { code, reason } };
}
