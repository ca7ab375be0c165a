import type { FakePeer, PeerAnswer } from './fake-peer.ts';

const settleRoute = (transactionKey: string): string =>
  `POST /order-transactions/${transactionKey}/settle`;

/** From now on, the order service says that of the transaction that was to place the order. */
export function settles(
  orders: FakePeer,
  { transactionKey }: { transactionKey: string },
  answer: { isPlaced: boolean } | { instead: PeerAnswer },
): void {
  const said = 'instead' in answer ? answer.instead : { status: 200, body: answer };
  orders.answer(settleRoute(transactionKey), said);
}

export function settledCount(
  orders: FakePeer,
  { transactionKey }: { transactionKey: string },
): number {
  return orders.asked(settleRoute(transactionKey)).length;
}
