import { Injectable } from '@nestjs/common';
import { ShopServices } from './shop-services.ts';

export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly unitPriceMinor: number;
  /** Undefined while stock cannot be asked: it can be ordered all the same, perhaps. */
  readonly available?: number;
}

export interface Catalogue {
  readonly currency: string;
  readonly products: readonly Product[];
}

/** What there is to buy, by the order service, and how much of it, by stock. */
@Injectable()
export class FindProducts {
  constructor(private readonly services: ShopServices) {}

  /** Errors: ORDER.UNAVAILABLE. */
  async execute(): Promise<Catalogue> {
    const [catalogue, levels] = await Promise.all([
      this.services.of('order').get('/catalogue') as Promise<{
        currency: string;
        items: { sku: string; name: string; unitPriceMinor: number }[];
      }>,
      this.#levels(),
    ]);
    return {
      currency: catalogue.currency,
      products: catalogue.items.map((item) => {
        const available = levels.get(item.sku);
        return { ...item, ...(available !== undefined && { available }) };
      }),
    };
  }

  async #levels(): Promise<ReadonlyMap<string, number>> {
    const { status, text } = await this.services.ask('stock', '/stock');
    if (status !== 200) return new Map();
    const { items } = JSON.parse(text) as { items: { sku: string; available: number }[] };
    return new Map(items.map(({ sku, available }) => [sku, available]));
  }
}
