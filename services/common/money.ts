import { DomainError } from './errors.ts';

/** An amount in the currency's smallest unit (cents): always a whole number, never a fraction. */
export type MinorUnits = number;

/** The shop sells in one currency. It travels with every amount, so that a second one can be told apart. */
export const SHOP_CURRENCY = 'EUR';

/** Errors: MONEY.NOT_WHOLE for fractions and for sums past 2^53, which a number no longer counts exactly. */
export function minorUnits(amount: number): MinorUnits {
  if (!Number.isSafeInteger(amount)) {
    throw new DomainError(
      'MONEY.NOT_WHOLE',
      'invalid',
      `amount ${amount} is not a whole number of minor units between -(2^53 - 1) and 2^53 - 1`,
    );
  }
  return amount;
}

export function sumOf(amounts: readonly MinorUnits[]): MinorUnits {
  return amounts.reduce((sum, amount) => minorUnits(sum + amount), 0);
}

export function times(amount: MinorUnits, count: number): MinorUnits {
  return minorUnits(amount * count);
}

/** `1234 EUR` → `12.34 EUR`, for people; never parsed back. */
export function formatMoney(amount: MinorUnits, currency: string): string {
  const sign = amount < 0 ? '-' : '';
  const digits = String(Math.abs(amount)).padStart(3, '0');
  return `${sign}${digits.slice(0, -2)}.${digits.slice(-2)} ${currency}`;
}
