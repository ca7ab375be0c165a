import { DomainError } from './errors.ts';
import type { HttpPeer } from './http-peer.ts';

/** Asks the order service how the transaction ended that was to place an order. */
export class OrderTransactions {
  readonly #orders: HttpPeer;

  constructor(orders: HttpPeer) {
    this.#orders = orders;
  }

  /** False: that order does not exist and never will; one still under way has been ended. Errors: ORDER.UNAVAILABLE. */
  async isPlaced(transactionKey: string): Promise<boolean> {
    const answer = await this.#orders.post(
      `/order-transactions/${encodeURIComponent(transactionKey)}/settle`,
      {},
    );
    const { isPlaced } = answer as { isPlaced?: unknown };
    if (typeof isPlaced === 'boolean') return isPlaced;
    throw new DomainError(
      'ORDER.UNAVAILABLE',
      'unavailable',
      'the order service did not say whether the order was placed',
    );
  }
}
