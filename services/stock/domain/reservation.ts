import { DomainError } from '../../common/errors.ts';

/** The largest order there can be: so many lines of so many pieces, which may all be of one sku. */
export const MAX_ITEMS = 100;
export const MAX_ITEM_QUANTITY = 99_900;

/** Reservations in one batch. */
export const MAX_BATCH_COUNT = 256;

export interface StockItem {
  sku: string;
  quantity: number;
}

export const reservationStatuses = ['RESERVED', 'CONFIRMED', 'RELEASED'] as const;
export type ReservationStatus = (typeof reservationStatuses)[number];

/** What is set aside for an order. RELEASED may also stand for one that never was: it must not come any more. */
export interface Reservation {
  orderNo: string;
  status: ReservationStatus;
  /** By which the order service tells whether it has placed the order. Null where nothing was reserved before the release. */
  transactionKey: string | null;
  /** The order was placed: its events decide from now on, and nobody else. */
  isOrderKnown: boolean;
}

/** Every move a reservation may make. */
const moves: Readonly<Record<ReservationStatus, readonly ReservationStatus[]>> = {
  RESERVED: ['CONFIRMED', 'RELEASED'],
  CONFIRMED: [],
  RELEASED: [],
};

/** `refused` is for the caller to word: to a request it is a conflict, to an event a contradiction. */
export function decideMove(
  from: ReservationStatus,
  to: ReservationStatus,
): 'moved' | 'repeated' | 'refused' {
  if (from === to) return 'repeated';
  return moves[from].includes(to) ? 'moved' : 'refused';
}

/**
 * The items in the one order in which every transaction takes the rows of their skus: two that want the same skus cannot
 * wait for each other then.
 */
export function inLockOrder(items: readonly StockItem[]): StockItem[] {
  return items.toSorted((a, b) => (a.sku < b.sku ? -1 : 1));
}

/** One entry for each sku: the same one may be named in several. */
export function sumsBySku(items: readonly StockItem[]): StockItem[] {
  const sums = new Map<string, number>();
  for (const { sku, quantity } of items) sums.set(sku, (sums.get(sku) ?? 0) + quantity);
  return [...sums].map(([sku, quantity]) => ({ sku, quantity }));
}

/** Errors: REQUEST.INVALID naming every entry whose sku has come before. */
export function refuseRepeatedSkus(items: readonly StockItem[]): void {
  const fields = items.flatMap(({ sku }, index) => {
    const firstIndex = items.findIndex((item) => item.sku === sku);
    if (firstIndex === index) return [];
    const message = `is ${sku} again, as in items[${firstIndex}]; there must be one entry a sku`;
    return [{ field: `items[${index}].sku`, message }];
  });
  if (fields.length === 0) return;
  throw new DomainError(
    'REQUEST.INVALID',
    'invalid',
    `${fields.length} field(s) refused: ${fields[0]!.field}: ${fields[0]!.message}`,
    { fields },
  );
}

export function isSameItems(some: readonly StockItem[], others: readonly StockItem[]): boolean {
  const quantities = new Map(some.map(({ sku, quantity }) => [sku, quantity]));
  return (
    some.length === others.length &&
    others.every(({ sku, quantity }) => quantities.get(sku) === quantity)
  );
}

/**
 * What of a batch can be had, first come, first served: each all of its items or none. What one is refused the next may
 * have. Takes from `available` what is allotted.
 */
export function allot<T extends { items: readonly StockItem[] }>(
  wishes: readonly T[],
  available: Map<string, number>,
): { granted: T[]; refused: { wish: T; shortages: Shortage[] }[] } {
  const granted: T[] = [];
  const refused: { wish: T; shortages: Shortage[] }[] = [];
  for (const wish of wishes) {
    const shortages = wish.items
      .map((item) => ({ ...item, available: available.get(item.sku) ?? 0 }))
      .filter((item) => item.available < item.quantity);
    if (shortages.length > 0) {
      refused.push({ wish, shortages });
      continue;
    }
    granted.push(wish);
    for (const { sku, quantity } of wish.items) {
      available.set(sku, (available.get(sku) ?? 0) - quantity);
    }
  }
  return { granted, refused };
}

/** Less of these is there than is wanted. */
export interface Shortage extends StockItem {
  available: number;
}

export function insufficient(shortages: readonly Shortage[]): DomainError {
  const fields = shortages.map(({ sku, quantity, available }) => ({
    field: sku,
    message: `${quantity} wanted, ${available} available`,
  }));
  return new DomainError(
    'STOCK.INSUFFICIENT',
    'conflict',
    `too little in stock, nothing was reserved: ${fields.map(({ field, message }) => `${field}: ${message}`).join('; ')}`,
    { fields },
  );
}
