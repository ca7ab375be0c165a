import { expect, it } from '@jest/globals';
import { MessageCounter } from '../../../mq/broker/message-counter.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const HOUR = 3_600_000;

it('tells the rate over ten seconds, a minute and ten minutes, and forgets what is older', () => {
  const clock = new FakeClock();
  const counter = new MessageCounter(clock);
  counter.add(600);
  expect(counter.rates()).toBe('60.00 10.00 1.00');
  clock.advance(9_999);
  expect(counter.rates()).toBe('60.00 10.00 1.00');
  clock.advance(1);
  expect(counter.rates()).toBe('0.00 10.00 1.00');
  clock.advance(50_000);
  expect(counter.rates()).toBe('0.00 0.00 1.00');
  counter.add(60);
  clock.advance(540_000);
  expect(counter.rates()).toBe('0.00 0.00 0.10');
  clock.advance(HOUR);
  expect(counter.rates()).toBe('0.00 0.00 0.00');
});

it('remembers how much was counted by midnight', () => {
  const clock = new FakeClock(new Date(2030, 0, 1, 23, 0).getTime());
  const counter = new MessageCounter(clock);
  counter.add(5);
  expect(counter.totals()).toEqual({ now: 5, thisMorning: 0, yesterdayMorning: 0 });
  clock.advance(2 * HOUR);
  counter.add(2);
  expect(counter.totals().thisMorning).toBe(5);
  clock.advance(24 * HOUR);
  expect(counter.totals()).toEqual({ now: 7, thisMorning: 7, yesterdayMorning: 5 });
});
