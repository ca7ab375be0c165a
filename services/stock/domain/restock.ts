import { DomainError } from '../../common/errors.ts';
import { isSameItems, sumsBySku, type StockItem } from './reservation.ts';

/** What of an order has come back with one refund. */
export interface RestockedItem extends StockItem {
  refundNo: string;
}

export type RestockDecision =
  | { outcome: 'restock'; items: StockItem[] }
  | { outcome: 'repeated' }
  | { outcome: 'refused'; reason: string };

/**
 * Decides what a refund puts back on the shelf: never more, over all refunds of the order, than was sold with it.
 *
 * Errors: STOCK.RESTOCKED_OTHERWISE when this refund has put back something else before.
 */
export function decideRestock(
  { refundNo, items: due }: { refundNo: string; items: readonly StockItem[] },
  sold: readonly StockItem[],
  restocked: readonly RestockedItem[],
): RestockDecision {
  const items = sumsBySku(due);
  const own = restocked.filter((item) => item.refundNo === refundNo);
  if (own.length > 0) {
    if (isSameItems(own, items)) return { outcome: 'repeated' };
    throw new DomainError(
      'STOCK.RESTOCKED_OTHERWISE',
      'invalid',
      `refund ${refundNo} has put back other items than this step names`,
    );
  }
  const left = new Map(sold.map(({ sku, quantity }) => [sku, quantity]));
  for (const { sku, quantity } of restocked) left.set(sku, (left.get(sku) ?? 0) - quantity);
  const excess = items.find(({ sku, quantity }) => quantity > (left.get(sku) ?? 0));
  if (excess === undefined) return { outcome: 'restock', items };
  const { sku, quantity } = excess;
  return {
    outcome: 'refused',
    reason: `${quantity} of ${sku} are to come back, ${left.get(sku) ?? 0} of the order are out`,
  };
}
