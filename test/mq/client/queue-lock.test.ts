import { describe, expect, it } from '@jest/globals';
import { instant, QueueLock } from '../../../mq/client/queue-lock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const queue = { topic: 'T', brokerName: 'b', queueId: 0 };

describe('the lock of a queue', () => {
  it('is trusted for 30 s from when it was asked for, not from when the answer came', () => {
    const clock = new FakeClock();
    const lock = new QueueLock(queue, clock);
    const asked = instant(clock);
    clock.advance(3_000);
    expect(lock.granted(asked, 'h:1')).toBe(true);
    clock.advance(26_999);
    expect(lock.hold).toBeDefined();
    clock.advance(1);
    expect(lock.hold).toBeUndefined();
  });

  it('is the same hold while it is renewed in time, and another one afterwards', async () => {
    const clock = new FakeClock();
    const lock = new QueueLock(queue, clock);
    lock.granted(instant(clock), 'h:1');
    const first = await lock.held();
    clock.advance(20_000);
    expect(lock.granted(instant(clock), 'h:1')).toBe(false);
    clock.advance(29_999);
    expect(first.isTrusted).toBe(true);
    clock.advance(1);
    expect(lock.granted(instant(clock), 'h:1')).toBe(true);
    expect(first.isTrusted).toBe(false);
    expect(lock.hold?.isTrusted).toBe(true);
  });

  it('is not trusted after a sleep that only the wall clock has seen, and stays so when that is set back', () => {
    const clock = new FakeClock();
    const lock = new QueueLock(queue, clock);
    lock.granted(instant(clock), 'h:1');
    const { hold } = lock;
    clock.jumpWallClock(30_000);
    expect(hold?.isTrusted).toBe(false);
    clock.jumpWallClock(-3_600_000);
    expect(hold?.isTrusted).toBe(false);
  });

  it('outlives a wall clock that is set back no longer than it should', () => {
    const clock = new FakeClock();
    const lock = new QueueLock(queue, clock);
    lock.granted(instant(clock), 'h:1');
    clock.jumpWallClock(-3_600_000);
    clock.advance(30_000);
    expect(lock.hold).toBeUndefined();
  });

  it('is another hold when another broker grants it, and none when the answer is 30 s old', () => {
    const clock = new FakeClock();
    const lock = new QueueLock(queue, clock);
    const asked = instant(clock);
    lock.granted(asked, 'h:1');
    const { hold } = lock;
    expect(lock.granted(instant(clock), 'h:2')).toBe(true);
    expect(hold?.isTrusted).toBe(false);
    expect(lock.grantedBy).toBe('h:2');
    lock.lost();
    clock.advance(30_000);
    expect(lock.granted(asked, 'h:2')).toBe(false);
    expect(lock.hold).toBeUndefined();
  });

  it('lets those who wait for it go on when it comes', async () => {
    const clock = new FakeClock();
    const lock = new QueueLock(queue, clock);
    const held = lock.held();
    lock.granted(instant(clock), 'h:1');
    expect((await held).isTrusted).toBe(true);
    expect(lock.lost()).toBe(true);
    expect(lock.lost()).toBe(false);
  });
});
