import { describe, expect, it } from '@jest/globals';
import { Metrics } from '../../../services/common/metrics.ts';

describe('a gauge', () => {
  it('is looked up when it is asked for, and absent when it cannot be; the others are there', async () => {
    const metrics = new Metrics('order');
    let read = (): Promise<number> => Promise.resolve(7);
    metrics.gauge('waiting', 'Those who wait', () => read());
    expect(await metrics.registry.metrics()).toMatch(/^waiting\{service="order"\} 7$/m);
    read = () => Promise.reject(new Error('the database is away'));
    const without = await metrics.registry.metrics();
    expect(without).not.toMatch(/^waiting[{ ]/m);
    expect(without).toMatch(/^millrace_messages_spooled_total\{service="order"\} 0$/m);
    read = () => Promise.resolve(8);
    expect(await metrics.registry.metrics()).toMatch(/^waiting\{service="order"\} 8$/m);
  });

  it('is absent when its part hangs, which is asked once and not again, and holds up no other', async () => {
    const metrics = new Metrics('order', 10);
    let askedCount = 0;
    let answer: (value: number) => void = () => undefined;
    metrics.gauge('hung', 'Those nobody knows of', () => {
      askedCount++;
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
    for (let count = 0; count < 3; count++) {
      const without = await metrics.registry.metrics();
      expect(without).not.toMatch(/^hung[{ ]/m);
      expect(without).toMatch(/^millrace_messages_spooled_total\{service="order"\} 0$/m);
    }
    expect(askedCount).toBe(1);
    const asked = metrics.registry.metrics();
    answer(9);
    expect(await asked).toMatch(/^hung\{service="order"\} 9$/m);
  });

  it('may be several, told apart by labels; those that are not told of any more are gone', async () => {
    const metrics = new Metrics('order');
    let read = (): Promise<{ labels: { group: string }; value: number }[]> =>
      Promise.resolve([
        { labels: { group: 'a' }, value: 1 },
        { labels: { group: 'b' }, value: 2 },
      ]);
    metrics.gauges('lag', 'Who waits where', ['group'], () => read());
    expect(await metrics.registry.metrics()).toMatch(/^lag\{group="b",service="order"\} 2$/m);
    read = () => Promise.resolve([{ labels: { group: 'a' }, value: 3 }]);
    const fewer = await metrics.registry.metrics();
    expect(fewer).toMatch(/^lag\{group="a",service="order"\} 3$/m);
    expect(fewer).not.toMatch(/group="b"/);
    read = () => Promise.reject(new Error('the broker is away'));
    expect(await metrics.registry.metrics()).not.toMatch(/^lag\{/m);
  });
});
