import { describe, expect, it } from '@jest/globals';
import { isRefundNo, refuseMoreThanTotal } from '../../../../services/refund/domain/refund.ts';

describe('the number of a refund', () => {
  it.each([
    ['20261120-9Q2T4VXA7K3M', true],
    ['R', true],
    ['R'.repeat(64), true],
    ['R'.repeat(65), false],
    ['', false],
    ['R 1', false],
    ['R-ü', false],
    ['R-1\n', false],
  ])('%j is one: %p', (text, is) => {
    expect(isRefundNo(text)).toBe(is);
  });
});

describe('the amount of a refund', () => {
  it('may be all that its order came to, or nothing', () => {
    for (const refundMinor of [0, 1_380]) {
      const refund = { refundNo: 'R-1', refundMinor, orderTotalMinor: 1_380 };
      expect(() => refuseMoreThanTotal(refund)).not.toThrow();
    }
  });

  it('may not be more, and the refusal has both', () => {
    const refund = { refundNo: 'R-1', refundMinor: 1_381, orderTotalMinor: 1_380 };
    expect(() => refuseMoreThanTotal(refund)).toThrow(
      expect.objectContaining({
        code: 'REFUND.EXCEEDS_TOTAL',
        kind: 'invalid',
        message: 'refund R-1 is over 1381, its order came to 1380',
      }),
    );
  });
});
