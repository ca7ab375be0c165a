import { DomainError } from '../../common/errors.ts';

export const orderStatuses = [
  'PENDING',
  'PAID',
  'SHIPPED',
  'CANCELLED',
  'REFUNDING',
  'PARTIALLY_REFUNDED',
  'REFUNDED',
] as const;
export type OrderStatus = (typeof orderStatuses)[number];

/** Every move an order may make. What is not here is refused, whoever asks. */
const moves: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  PENDING: ['PAID', 'CANCELLED'],
  PAID: ['SHIPPED', 'REFUNDING'],
  SHIPPED: ['REFUNDING'],
  CANCELLED: [],
  REFUNDING: ['PARTIALLY_REFUNDED', 'REFUNDED'],
  PARTIALLY_REFUNDED: ['REFUNDING'],
  REFUNDED: [],
};

/**
 * Decides one move. `repeated` means the order is already there: the same wish came twice, and is fulfilled.
 *
 * Errors: ORDER.ILLEGAL_MOVE naming the state the order is in.
 */
export function decideMove(
  orderNo: string,
  from: OrderStatus,
  to: OrderStatus,
): 'moved' | 'repeated' {
  if (from === to) return 'repeated';
  if (moves[from].includes(to)) return 'moved';
  const ways = moves[from].length === 0 ? 'nothing any more' : moves[from].join(' or ');
  throw new DomainError(
    'ORDER.ILLEGAL_MOVE',
    'conflict',
    `order ${orderNo} is ${from} and cannot become ${to}; from ${from} it can become ${ways}`,
  );
}

/** Was the order ever paid? It stays so, whatever is given back. */
export function isPaidFor(status: OrderStatus): boolean {
  return status !== 'PENDING' && status !== 'CANCELLED';
}
