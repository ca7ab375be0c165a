import { randomInt } from 'node:crypto';
import type { MinorUnits } from '../../common/money.ts';

/** A voucher for a later purchase, thanks for a paid order. */
export interface Coupon {
  code: string;
  orderNo: string;
  userId: string;
  amountMinor: MinorUnits;
  currency: string;
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
    issuedAt,
    expiresAt: new Date(issuedAt.getTime() + VALID_DAYS * DAY_MS),
  };
}

/** Divides before it multiplies, so that no total on its way is past 2^53. */
function shareOf(totalMinor: MinorUnits): MinorUnits {
  const whole = Math.floor(totalMinor / 100) * SHARE_PERCENT;
  return whole + Math.floor(((totalMinor % 100) * SHARE_PERCENT) / 100);
}

/** Whoever knows a code can spend it, so it must not be guessed: 80 random bits. */
function newCode(): string {
  return Array.from({ length: 16 }, () => alphabet[randomInt(alphabet.length)]).join('');
}
