import type { EntityManager } from 'typeorm';
import type { Order } from '../domain/order.ts';
import type { OrderRepository } from '../persistence/order.repository.ts';

/**
 * Moves orders that are wanted to move at about the same time, in the transaction of `manager`.
 *
 * Errors: when one of them is not to be moved, not there, held by somebody else, or comes twice: that one has to be looked at alone.
 */
export async function moveTogether<Wish extends { orderNo: string }>(
  orders: OrderRepository,
  manager: EntityManager,
  wishes: readonly Wish[],
  decide: (order: Order, wish: Wish) => { order: Order; isRepeat: boolean },
): Promise<void> {
  const held = new Map(
    await orders.holdAllFree(
      manager,
      wishes.map(({ orderNo }) => orderNo),
    ),
  );
  const moved = wishes.map((wish) => {
    const current = held.get(wish.orderNo);
    const decision = current && decide(current, wish);
    if (decision === undefined || decision.isRepeat || !held.delete(wish.orderNo)) {
      throw new Error(`order ${wish.orderNo} has to be looked at alone`);
    }
    return decision.order;
  });
  await orders.updateProgressAll(manager, moved);
}
