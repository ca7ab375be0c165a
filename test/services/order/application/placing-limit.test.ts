import { describe, expect, it } from '@jest/globals';
import { PlacingLimit } from '../../../../services/order/application/placing-limit.ts';

describe('the limit of orders being placed', () => {
  it('refuses the one too many at once, with both numbers, and lets the next one in when one has ended', async () => {
    const limit = new PlacingLimit(2);
    let end: (orderNo: string) => void = () => undefined;
    const first = limit.within(() => new Promise<string>((resolve) => (end = resolve)));
    const second = limit.within(() => new Promise<string>(() => undefined));
    void second;
    await expect(limit.within(async () => 'third')).rejects.toMatchObject({
      code: 'ORDER.BUSY',
      kind: 'unavailable',
      message: expect.stringMatching(/^2 orders .* at most 2 /),
    });
    end('first');
    expect(await first).toBe('first');
    expect(await limit.within(async () => 'fourth')).toBe('fourth');
  });

  it('counts one that has failed no longer', async () => {
    const limit = new PlacingLimit(1);
    const failing = limit.within(async () => {
      throw new Error('too little in stock');
    });
    await expect(failing).rejects.toThrow('too little in stock');
    expect(await limit.within(async () => 'next')).toBe('next');
  });
});
