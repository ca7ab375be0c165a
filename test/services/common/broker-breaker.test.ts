import { describe, expect, it } from '@jest/globals';
import { BrokerBreaker } from '../../../services/common/broker-breaker.ts';

describe('the breaker', () => {
  it('admits everybody until somebody finds the broker away', () => {
    const breaker = new BrokerBreaker(() => 0);
    expect([breaker.admits(), breaker.admits(), breaker.isOpen]).toEqual([true, true, false]);
  });

  it('admits one a second then, also while his try is under way', () => {
    let nowMs = 0;
    const breaker = new BrokerBreaker(() => nowMs);
    breaker.trip();
    expect(breaker.admits()).toBe(false);
    nowMs = 999;
    expect(breaker.admits()).toBe(false);
    nowMs = 1_000;
    expect([breaker.admits(), breaker.admits(), breaker.isOpen]).toEqual([true, false, true]);
    nowMs = 2_000;
    expect([breaker.admits(), breaker.admits()]).toEqual([true, false]);
  });

  it('admits everybody again once one has succeeded', () => {
    let nowMs = 0;
    const breaker = new BrokerBreaker(() => nowMs);
    breaker.trip();
    nowMs = 1_000;
    breaker.admits();
    breaker.close();
    expect([breaker.admits(), breaker.admits(), breaker.isOpen]).toEqual([true, true, false]);
  });
});
