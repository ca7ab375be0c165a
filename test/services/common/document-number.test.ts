import { describe, expect, it } from '@jest/globals';
import { isDocumentNo, newDocumentNo } from '../../../services/common/document-number.ts';

describe('a document number', () => {
  it('starts with the day and is recognised', () => {
    const orderNo = newDocumentNo(new Date('2026-11-20T23:59:59Z'));
    expect(orderNo).toMatch(/^20261120-/);
    expect(isDocumentNo(orderNo)).toBe(true);
  });

  it('is another one each time', () => {
    const day = new Date('2026-11-20T00:00:00Z');
    const numbers = Array.from({ length: 1_000 }, () => newDocumentNo(day));
    expect(new Set(numbers).size).toBe(1_000);
  });

  it.each(['', '4711', '20261120-7K3M9Q2T4VX', '20261120-IIIIIIIIIIII', "20261120-' OR 1=1 --"])(
    'is not %p',
    (text) => expect(isDocumentNo(text)).toBe(false),
  );
});
