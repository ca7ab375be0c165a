import { DomainError } from '../../common/errors.ts';
import type { HttpPeer } from '../../common/http-peer.ts';
import type { FlashSaleTerms } from '../domain/flash-sale.ts';

/** What the stock service has of a sku. Nothing is set aside for a sale: each of its orders reserves its piece, as others do. */
export class SaleStock {
  readonly #stock: HttpPeer;

  constructor(stock: HttpPeer) {
    this.#stock = stock;
  }

  /** Errors: REQUEST.INVALID for a sku there is not, SALE.TOO_LITTLE_STOCK with both numbers, STOCK.UNAVAILABLE. */
  async assertAvailable({ sku, stock }: FlashSaleTerms): Promise<void> {
    const { available } = await this.#levelOf(sku);
    if (available >= stock) return;
    throw new DomainError(
      'SALE.TOO_LITTLE_STOCK',
      'conflict',
      `the sale wants ${stock} of ${sku}, there are ${available}`,
    );
  }

  async #levelOf(sku: string): Promise<{ available: number }> {
    try {
      return (await this.#stock.get(`/stock/${sku}`)) as { available: number };
    } catch (error) {
      if (!(error instanceof DomainError) || error.kind !== 'not_found') throw error;
      const message = `there is no sku ${sku}`;
      throw new DomainError('REQUEST.INVALID', 'invalid', `sku: ${message}`, {
        fields: [{ field: 'sku', message }],
        cause: error,
      });
    }
  }
}
