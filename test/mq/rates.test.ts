import { expect, it } from '@jest/globals';
import { Rates } from '../../mq/rates.ts';
import { FakeClock } from '../support/fake-clock.ts';

it('counts what there was of each kind in the last minute', () => {
  const clock = new FakeClock();
  const rates = new Rates(clock);
  rates.add('a', 30);
  rates.add('a', 30);
  rates.add('b', 6);
  expect(rates.perSecond('a')).toBe(1);
  expect(rates.perSecond('b')).toBe(0.1);
  expect(rates.perSecond('c')).toBe(0);
  clock.advance(30_000);
  rates.add('a', 60);
  expect(rates.perSecond('a')).toBe(2);
  clock.advance(30_000);
  expect(rates.perSecond('a')).toBe(1);
  expect(rates.perSecond('b')).toBe(0);
  clock.advance(3_600_000);
  expect(rates.perSecond('a')).toBe(0);
  rates.add('a', 60);
  expect(rates.perSecond('a')).toBe(1);
});
