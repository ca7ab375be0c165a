import { describe, expect, it } from '@jest/globals';
import { pauseAfter } from '../../../services/common/outbox-relay.ts';

const settings = {
  pollMs: 500,
  batchCount: 10,
  concurrency: 4,
  minBackoffMs: 100,
  maxBackoffMs: 2_000,
};
const nothing = { sentCount: 0, hasMore: false };

describe('pauseAfter', () => {
  it('looks again at once while batches are full', () => {
    const pause = pauseAfter({ outcome: 'sent', sentCount: 10, hasMore: true }, 0, settings);
    expect(pause.ms).toBe(0);
  });

  it('waits for the poll or for a wake-up when the outbox is empty', () => {
    expect(pauseAfter({ outcome: 'idle', ...nothing }, 0, settings)).toEqual({
      ms: 500,
      isWakeable: true,
    });
  });

  it('backs off further with every failure, up to the limit, and lets nobody wake it', () => {
    const pauses = [1, 2, 3, 5, 6, 5_000].map((failureCount) =>
      pauseAfter({ outcome: 'failed', ...nothing }, failureCount, settings),
    );
    expect(pauses.map(({ ms }) => ms)).toEqual([100, 200, 400, 1_600, 2_000, 2_000]);
    expect(pauses.every(({ isWakeable }) => !isWakeable)).toBe(true);
  });

  it('stays close while another process is sending', () => {
    const { ms } = pauseAfter({ outcome: 'busy', ...nothing }, 0, settings);
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThan(settings.pollMs);
  });
});
