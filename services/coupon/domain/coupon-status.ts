export const couponStatuses = ['ISSUED', 'REDEEMED', 'RECALLED'] as const;

/** `ISSUED`: can be used. `REDEEMED`: an order has it. `RECALLED`: the order that had earned it was refunded. */
export type CouponStatus = (typeof couponStatuses)[number];

/** Every move a coupon may make. */
const moves: Readonly<Record<CouponStatus, readonly CouponStatus[]>> = {
  ISSUED: ['REDEEMED', 'RECALLED'],
  // Given back: the order that used it came to nothing, or was refunded.
  REDEEMED: ['ISSUED'],
  RECALLED: [],
};

/** `refused` is for the caller to word: to a request it is a conflict, to a refund something to note. */
export function decideMove(from: CouponStatus, to: CouponStatus): 'moved' | 'repeated' | 'refused' {
  if (from === to) return 'repeated';
  return moves[from].includes(to) ? 'moved' : 'refused';
}
