import { describe, expect, it } from '@jest/globals';
import { Tally } from '../../../loadtest/generator/tally.ts';

describe('the marks of a tally', () => {
  it('add up over processes, and are no requests', () => {
    const first = new Tally();
    first.mark('checkout', 10);
    const second = new Tally();
    second.mark('checkout', 30);
    first.add(Tally.decode(second.encode()));
    expect(first.marks.get('checkout')?.figures()).toMatchObject({ count: 2 });
    expect(first.answered).toBe(0);
    first.clear();
    expect(first.marks.get('checkout')?.figures()).toMatchObject({ count: 0 });
  });
});
