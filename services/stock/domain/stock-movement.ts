/** Where a piece can be, as far as the stock counts it. */
export type StockColumn = 'available' | 'reserved' | 'sold';

/**
 * Every kind of movement, each from one place to another. RECEIVED brings pieces in from outside and has no place they come
 * from. A level is the sum of what has moved there, less what has moved away, at any time.
 */
export const movementKinds = {
  RECEIVED: { from: undefined, to: 'available' },
  RESERVED: { from: 'available', to: 'reserved' },
  CONFIRMED: { from: 'reserved', to: 'sold' },
  RELEASED: { from: 'reserved', to: 'available' },
  RESTOCKED: { from: 'sold', to: 'available' },
} as const satisfies Record<string, { from: StockColumn | undefined; to: StockColumn }>;

export type MovementKind = keyof typeof movementKinds;
