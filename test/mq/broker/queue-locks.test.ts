import { describe, expect, it } from '@jest/globals';
import { QueueLocks } from '../../../mq/broker/queue-locks.ts';
import { silentLogger } from '../../../mq/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeConfigFile } from '../../support/fake-config-file.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const queue = (queueId: number) => ({ topic: 'TopicA', brokerName: 'broker-a', queueId });

describe('the lock of an ordered queue', () => {
  it('is one client’s until it expires 60 s after the last renewal', () => {
    const clock = new FakeClock();
    const locks = new QueueLocks(clock);
    expect(locks.lock('og', 'c1', [queue(0)])).toEqual([queue(0)]);
    clock.advance(40_000);
    expect(locks.lock('og', 'c1', [queue(0)])).toEqual([queue(0)]);
    clock.advance(59_999);
    expect(locks.lock('og', 'c2', [queue(0)])).toEqual([]);
    clock.advance(1);
    expect(locks.lock('og', 'c2', [queue(0)])).toEqual([queue(0)]);
    expect(locks.lock('og', 'c1', [queue(0)])).toEqual([]);
  });

  it('is granted queue by queue', () => {
    const locks = new QueueLocks(new FakeClock());
    locks.lock('og', 'c1', [queue(1)]);
    expect(locks.lock('og', 'c2', [queue(0), queue(1), queue(2)])).toEqual([queue(0), queue(2)]);
  });

  it('is of no concern to another group', () => {
    const locks = new QueueLocks(new FakeClock());
    locks.lock('og', 'c1', [queue(0)]);
    expect(locks.lock('other', 'c2', [queue(0)])).toEqual([queue(0)]);
  });

  it('can be given back by its owner only', () => {
    const locks = new QueueLocks(new FakeClock());
    locks.lock('og', 'c1', [queue(0)]);
    locks.unlock('og', 'c2', [queue(0)]);
    expect(locks.lock('og', 'c2', [queue(0)])).toEqual([]);
    locks.unlock('og', 'c1', [queue(0)]);
    expect(locks.lock('og', 'c2', [queue(0)])).toEqual([queue(0)]);
  });

  it('is unmoved by an operator who sets the wall clock', () => {
    const clock = new FakeClock();
    const locks = new QueueLocks(clock);
    locks.lock('og', 'c1', [queue(0)]);
    clock.jumpWallClock(3_600_000);
    expect(locks.lock('og', 'c2', [queue(0)])).toEqual([]);
  });

  it('shows whether its group consumes in order, until it has run out', () => {
    const clock = new FakeClock();
    const locks = new QueueLocks(clock);
    expect(locks.isAnyHeld('og')).toBe(false);
    locks.lock('og', 'c1', [queue(0), queue(1)]);
    locks.unlock('og', 'c1', [queue(0)]);
    expect(locks.isAnyHeld('og')).toBe(true);
    expect(locks.isAnyHeld('other')).toBe(false);
    clock.advance(60_000);
    expect(locks.isAnyHeld('og')).toBe(false);
  });

  it('stays with its holder over a restart of the broker, for as long as the holder may trust it', async () => {
    const clock = new FakeClock();
    const file = new FakeConfigFile();
    const open = () => QueueLocks.open({ file, clock, logger: silentLogger });
    const before = await open();
    before.lock('og', 'c1', [queue(0), queue(1)]);
    before.unlock('og', 'c1', [queue(1)]);
    await before.saved();
    const after = await open();
    expect(after.lock('og', 'c2', [queue(0), queue(1)])).toEqual([queue(1)]);
    expect(after.lock('og', 'c1', [queue(0)])).toEqual([queue(0)]);
    await after.saved();
    const later = await open();
    clock.advance(30_000);
    expect(later.lock('og', 'c2', [queue(0)])).toEqual([queue(0)]);
  });

  it('is not kept over a restart when it had run out before', async () => {
    const clock = new FakeClock();
    const file = new FakeConfigFile();
    const open = () => QueueLocks.open({ file, clock, logger: silentLogger });
    const before = await open();
    before.lock('og', 'c1', [queue(0)]);
    clock.advance(60_000);
    before.forgetExpired();
    await before.saved();
    expect((await open()).lock('og', 'c2', [queue(0)])).toEqual([queue(0)]);
  });

  it('is not written again by its renewal', async () => {
    const file = new FakeConfigFile();
    const locks = await QueueLocks.open({ file, clock: new FakeClock(), logger: silentLogger });
    for (let renewal = 0; renewal < 5; renewal++) {
      locks.lock('og', 'c1', [queue(0)]);
      await locks.saved();
    }
    expect(file.writeCount).toBe(1);
  });

  it('is granted although it cannot be saved, and free after a restart that cannot read it', async () => {
    const file = new FakeConfigFile();
    const log = new RecordingLogger();
    const open = () => QueueLocks.open({ file, clock: new FakeClock(), logger: log });
    const locks = await open();
    file.failure = new Error('disk full');
    expect(locks.lock('og', 'c1', [queue(0)])).toEqual([queue(0)]);
    await locks.saved();
    expect(log.messages('error')).toHaveLength(1);
    file.text = '{"lockTable":7}';
    expect((await open()).lock('og', 'c2', [queue(0)])).toEqual([queue(0)]);
    expect(log.messages('warn')).toHaveLength(1);
  });

  it('is forgotten when nobody renews it', () => {
    const clock = new FakeClock();
    const locks = new QueueLocks(clock);
    locks.lock('og', 'c1', [queue(0), queue(1)]);
    clock.advance(30_000);
    locks.lock('og', 'c1', [queue(1)]);
    clock.advance(30_000);
    locks.forgetExpired();
    expect(locks.leaseCount).toBe(1);
    clock.advance(30_000);
    locks.forgetExpired();
    expect(locks.leaseCount).toBe(0);
  });
});
