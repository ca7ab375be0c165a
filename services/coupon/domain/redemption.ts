export const redemptionStatuses = ['HELD', 'KEPT', 'RELEASED'] as const;

/** `HELD`: by an order that is not paid. `KEPT`: by a paid one. `RELEASED`: the coupon is given back. */
export type RedemptionStatus = (typeof redemptionStatuses)[number];

/** That an order uses a coupon. RELEASED may also stand for a redemption that never was: it must not come any more. */
export interface Redemption {
  orderNo: string;
  /** Null where nothing was redeemed before the release. */
  code: string | null;
  status: RedemptionStatus;
  /** By which the order service tells whether it has placed the order. Null where the code is. */
  transactionKey: string | null;
  /** The order was placed: its events decide from now on, and nobody else. */
  isOrderKnown: boolean;
  /** When the order's payment was heard of. It stays when a refund gives the coupon back later. */
  keptAt: Date | null;
}

/** Every move a redemption may make. From KEPT only a refund of everything leads on. */
const moves: Readonly<Record<RedemptionStatus, readonly RedemptionStatus[]>> = {
  HELD: ['KEPT', 'RELEASED'],
  KEPT: ['RELEASED'],
  RELEASED: [],
};

/** `refused` is for the caller to word: to a request it is a conflict, to an event a contradiction. */
export function decideMove(
  from: RedemptionStatus,
  to: RedemptionStatus,
): 'moved' | 'repeated' | 'refused' {
  if (from === to) return 'repeated';
  return moves[from].includes(to) ? 'moved' : 'refused';
}

/** As `decideMove` to RELEASED, for whoever lets go of it because there will be no paid order. */
export function decideRelease({
  status,
  keptAt,
}: Pick<Redemption, 'status' | 'keptAt'>): 'moved' | 'repeated' | 'refused' {
  return keptAt === null ? decideMove(status, 'RELEASED') : 'refused';
}
