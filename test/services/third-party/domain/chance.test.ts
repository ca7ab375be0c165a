import { describe, expect, it } from '@jest/globals';
import { Chance } from '../../../../services/third-party/domain/chance.ts';

function draws(chance: Chance, rate: number, count = 1_000): boolean[] {
  return Array.from({ length: count }, () => chance.happens(rate));
}

describe('Chance', () => {
  it('never happens at 0 and always at 1', () => {
    const chance = new Chance(1);
    expect(draws(chance, 0)).not.toContain(true);
    expect(draws(chance, 1)).not.toContain(false);
  });

  it('repeats what a seed has decided, and decides otherwise by another', () => {
    expect(draws(new Chance(4711), 0.5)).toEqual(draws(new Chance(4711), 0.5));
    expect(draws(new Chance(4711), 0.5)).not.toEqual(draws(new Chance(4712), 0.5));
  });

  it('happens about as often as it should', () => {
    const count = draws(new Chance(4711), 0.3, 10_000).filter(Boolean).length;
    expect(count).toBeGreaterThan(2_800);
    expect(count).toBeLessThan(3_200);
  });
});
