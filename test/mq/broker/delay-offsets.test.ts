import { describe, expect, it } from '@jest/globals';
import { DelayOffsets } from '../../../mq/broker/delay-offsets.ts';
import { silentLogger } from '../../../mq/logger.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeConfigFile } from '../../support/fake-config-file.ts';

describe('progress of delay levels', () => {
  it('is not on disk before the copies it stands for: a power cut lost messages acknowledged long ago', async () => {
    const file = new FakeConfigFile();
    const clock = new FakeClock();
    let flushed: () => void = () => {};
    const offsets = await DelayOffsets.open({
      file,
      flush: () => new Promise<void>((resolve) => (flushed = resolve)),
      persistIntervalMs: 1_000,
      clock,
      logger: silentLogger,
    });
    offsets.set(1, 5);
    await clock.advanceAndSettle(1_000);
    // Its copy is appended while the disk is busy with the one before.
    offsets.set(1, 6);
    expect(file.content).toBeUndefined();
    flushed();
    await settle();
    expect(file.content).toEqual({ offsetTable: { 1: 5 } });
    const closing = offsets.close();
    await settle();
    flushed();
    await closing;
    expect(file.content).toEqual({ offsetTable: { 1: 6 } });
  });

  it('is saved an interval later when the disk refused it, also when nothing more is delivered', async () => {
    const file = new FakeConfigFile();
    const clock = new FakeClock();
    const deps = { flush: () => Promise.resolve(), persistIntervalMs: 1_000, clock };
    const offsets = await DelayOffsets.open({ file, ...deps, logger: silentLogger });
    file.failure = new Error('EIO');
    offsets.set(2, 1);
    await clock.advanceAndSettle(1_000);
    file.failure = undefined;
    await clock.advanceAndSettle(1_000);
    expect(file.content).toEqual({ offsetTable: { 2: 1 } });
    await offsets.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
