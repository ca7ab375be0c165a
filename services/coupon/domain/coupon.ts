import { randomInt } from 'node:crypto';
import { DomainError } from '../../common/errors.ts';
import type { MinorUnits } from '../../common/money.ts';
import { decideMove, type CouponStatus } from './coupon-status.ts';

/** A voucher for a later purchase, thanks for a paid order. */
export interface Coupon {
  code: string;
  /** The order that has earned it. */
  orderNo: string;
  userId: string;
  amountMinor: MinorUnits;
  currency: string;
  status: CouponStatus;
  /** The order that uses it, while it is REDEEMED. */
  redeemedByOrderNo: string | null;
  /** When a refund of the order that has earned it asked for it back. One in use is recalled when it is given back. */
  recallAskedAt: Date | null;
  issuedAt: Date;
  expiresAt: Date;
}

const SHARE_PERCENT = 5;
const VALID_DAYS = 90;
const DAY_MS = 86_400_000;

const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';

/** Five percent of what was paid, rounded down; at least one minor unit, so that every paid order has its coupon. */
export function couponFor(
  paid: { orderNo: string; userId: string; totalMinor: MinorUnits; currency: string },
  issuedAt: Date,
): Coupon {
  return {
    code: newCode(),
    orderNo: paid.orderNo,
    userId: paid.userId,
    amountMinor: Math.max(1, shareOf(paid.totalMinor)),
    currency: paid.currency,
    status: 'ISSUED',
    redeemedByOrderNo: null,
    recallAskedAt: null,
    issuedAt,
    expiresAt: new Date(issuedAt.getTime() + VALID_DAYS * DAY_MS),
  };
}

/**
 * Has an order use the coupon. Whose it is comes first: what has become of it is nobody else's business.
 *
 * Errors: COUPON.NOT_YOURS; COUPON.USED, COUPON.RECALLED; COUPON.EXPIRED naming the date.
 */
export function redeemCoupon(
  coupon: Coupon,
  by: { orderNo: string; userId: string; at: Date },
): Coupon {
  const { code, status, expiresAt } = coupon;
  refuseOthers(coupon, by.userId);
  if (decideMove(status, 'REDEEMED') !== 'moved') {
    throw status === 'RECALLED'
      ? refused(
          'RECALLED',
          `coupon ${code} was recalled: the order that had earned it was refunded`,
        )
      : refused('USED', `coupon ${code} is used for order ${coupon.redeemedByOrderNo}`);
  }
  if (expiresAt <= by.at) {
    throw refused('EXPIRED', `coupon ${code} was good until ${expiresAt.toISOString()}`);
  }
  return { ...coupon, status: 'REDEEMED', redeemedByOrderNo: by.orderNo };
}

/** Errors: COUPON.NOT_YOURS. */
export function refuseOthers({ code, userId }: Coupon, asking: string): void {
  if (userId !== asking) throw refused('NOT_YOURS', `coupon ${code} belongs to another user`);
}

/** The order that has used it uses it no more. It expires when it would have; one that was to be recalled is so now. */
export function giveBackCoupon(coupon: Coupon, orderNo: string): Coupon {
  const { code, status, redeemedByOrderNo, recallAskedAt } = coupon;
  if (redeemedByOrderNo !== orderNo || decideMove(status, 'ISSUED') !== 'moved') {
    throw new Error(
      `order ${orderNo} has redeemed coupon ${code}, which is ${status} by ${redeemedByOrderNo}; they change together`,
    );
  }
  const free: Coupon = { ...coupon, status: 'ISSUED', redeemedByOrderNo: null };
  return recallAskedAt === null ? free : recallCoupon(free, recallAskedAt);
}

/** What an order has earned, when all of it is refunded. A coupon in use stays with the order that uses it. */
export function recallCoupon(coupon: Coupon, askedAt: Date): Coupon {
  const recallAskedAt = coupon.recallAskedAt ?? askedAt;
  const isFree = decideMove(coupon.status, 'RECALLED') === 'moved';
  return { ...coupon, recallAskedAt, ...(isFree ? { status: 'RECALLED' } : {}) };
}

function refused(reason: string, message: string): DomainError {
  return new DomainError(`COUPON.${reason}`, 'conflict', message);
}

/** Divides before it multiplies, so that no total on its way is past 2^53. */
function shareOf(totalMinor: MinorUnits): MinorUnits {
  const whole = Math.floor(totalMinor / 100) * SHARE_PERCENT;
  return whole + Math.floor(((totalMinor % 100) * SHARE_PERCENT) / 100);
}

/** Whoever knows a code of his can spend it, so it must not be guessed: 80 random bits. */
function newCode(): string {
  return Array.from({ length: 16 }, () => alphabet[randomInt(alphabet.length)]).join('');
}
