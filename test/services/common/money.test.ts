import { describe, expect, it } from '@jest/globals';
import { formatMoney, minorUnits, sumOf, times } from '../../../services/common/money.ts';

describe('money', () => {
  it('adds and multiplies whole minor units', () => {
    expect(sumOf([690, 590, 1])).toBe(1_281);
    expect(sumOf([])).toBe(0);
    expect(times(299, 999)).toBe(298_701);
  });

  it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses %p', (amount) => {
    expect(() => minorUnits(amount)).toThrow('is not a whole number of minor units');
  });

  it('refuses a sum that a number no longer counts exactly', () => {
    expect(() => sumOf([Number.MAX_SAFE_INTEGER, 1])).toThrow('9007199254740992');
  });

  it('writes amounts for people', () => {
    expect(formatMoney(1_234, 'EUR')).toBe('12.34 EUR');
    expect(formatMoney(5, 'EUR')).toBe('0.05 EUR');
    expect(formatMoney(-120, 'EUR')).toBe('-1.20 EUR');
  });
});
