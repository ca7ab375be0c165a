import { DomainError } from './errors.ts';
import type { HttpPeer } from './http-peer.ts';

/** Asks the order service how the transaction ended that was to place an order. */
export class OrderTransactions {
  readonly #orders: HttpPeer;

  constructor(orders: HttpPeer) {
    this.#orders = orders;
  }

  /**
   * False: that order does not exist and never will; one still under way has been ended.
   *
   * Errors: ORDER.UNAVAILABLE, whatever came instead of an answer: a refusal says nothing about the order, and who gave up at
   *         one would leave what is set aside so for ever.
   */
  async isPlaced(transactionKey: string): Promise<boolean> {
    let cause: unknown;
    try {
      const answer = await this.#orders.post(
        `/order-transactions/${encodeURIComponent(transactionKey)}/settle`,
        {},
      );
      const { isPlaced } = (answer ?? {}) as { isPlaced?: unknown };
      if (typeof isPlaced === 'boolean') return isPlaced;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      cause = error;
    }
    throw new DomainError(
      'ORDER.UNAVAILABLE',
      'unavailable',
      'the order service did not say whether the order was placed',
      { cause },
    );
  }
}
