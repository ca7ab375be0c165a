import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { EventLoopDelay } from '../../../services/common/event-loop-delay.ts';
import { HaltingClock } from '../../support/halting-clock.ts';

const NAME = 'nodejs_eventloop_delay_seconds';

function underTest() {
  const clock = new HaltingClock();
  const registry = new Registry();
  const delay = new EventLoopDelay(registry, clock);
  const scrape = async (): Promise<Map<string, number>> => {
    const text = await registry.getSingleMetricAsString(NAME);
    const lines = text.split('\n').filter((line) => line.startsWith(NAME));
    return new Map(
      lines.map((line) => [line.slice(NAME.length + 1).split(' ')[0]!, Number(line.split(' ')[1])]),
    );
  };
  return { clock, delay, scrape };
}

describe('the delays of a service’s event loop', () => {
  it('are the same for everybody who asks, and a halt counts for as long as it lasts', async () => {
    const { clock, delay, scrape } = underTest();
    delay.start();
    clock.advance(1_000);
    clock.halt(1_000);
    clock.advance(20);
    const first = await scrape();
    expect(first.get('count')).toBe(50 + 51);
    // Whatever was due in its first half was late by more than half a second.
    expect(first.get('count')! - first.get('bucket{le="0.5"}')!).toBe(25);
    expect(await scrape()).toEqual(first);
    clock.advance(1_000);
    const later = await scrape();
    expect(later.get('count')! - first.get('count')!).toBe(50);
    expect(later.get('count')! - later.get('bucket{le="0.5"}')!).toBe(25);
  });

  it('are looked at no more when the service has stopped', () => {
    const { clock, delay } = underTest();
    delay.start();
    delay.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
