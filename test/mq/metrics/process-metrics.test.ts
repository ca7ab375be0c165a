import { describe, expect, it } from '@jest/globals';
import { exposition } from '../../../mq/metrics/exposition.ts';
import { ProcessMetrics } from '../../../mq/metrics/process-metrics.ts';
import { HaltingClock } from '../../support/halting-clock.ts';

const NAME = 'nodejs_eventloop_delay_seconds';

function underTest() {
  const clock = new HaltingClock();
  const metrics = new ProcessMetrics(clock);
  const scrape = (): Map<string, number> => {
    const lines = exposition(metrics.metrics()).match(new RegExp(`^${NAME}_.*$`, 'gm')) ?? [];
    return new Map(
      lines.map((line) => [line.slice(NAME.length + 1).split(' ')[0]!, Number(line.split(' ')[1])]),
    );
  };
  return { clock, metrics, scrape };
}

describe('the delays of the event loop', () => {
  it('are the same for everybody who asks, however many ask', () => {
    const { clock, scrape } = underTest();
    clock.advance(1_000);
    clock.halt(300);
    clock.advance(20);
    const first = scrape();
    expect(first.get('bucket{le="+Inf"}')! - first.get('bucket{le="0.25"}')!).toBe(3);
    expect(scrape()).toEqual(first);
    clock.advance(1_000);
    const later = scrape();
    expect(later.get('count')! - first.get('count')!).toBe(50);
    // What had been late stays counted.
    expect(later.get('bucket{le="+Inf"}')! - later.get('bucket{le="0.25"}')!).toBe(3);
  });

  it('count a halt for as long as it lasts, not once', () => {
    const { clock, scrape } = underTest();
    clock.advance(1_000);
    clock.halt(1_000);
    clock.advance(20);
    const seen = scrape();
    expect(seen.get('count')).toBe(50 + 51);
    // Whatever was due in its first half was late by more than half a second.
    expect(seen.get('count')! - seen.get('bucket{le="0.5"}')!).toBe(25);
    expect(seen.get('sum')).toBeCloseTo(25.5, 6);
  });

  it('are looked at no more when the server has closed', () => {
    const { clock, metrics } = underTest();
    metrics.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
