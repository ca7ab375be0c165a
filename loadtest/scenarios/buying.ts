import type { Visitor } from '../scenario.ts';
import { anySku, shop } from './shop-endpoints.ts';

/** By which a visitor's user and his idempotency keys are told from all others', those of the warm-up included. */
export function idOf(visitor: Visitor, run: string): string {
  return `${run}-${visitor.isWarmUp ? 'w' : ''}${visitor.number}`;
}

/** Places an order for one piece of something; returns its number. */
export async function placeOne(visitor: Visitor, id: string): Promise<string> {
  const placed = await visitor.send(shop.place, {
    idempotencyKey: `${id}-place`,
    body: { userId: `user-${id}`, items: [{ sku: anySku(visitor.random()), quantity: 1 }] },
  });
  const { orderNo } = placed.json() as { orderNo: string };
  return orderNo;
}
