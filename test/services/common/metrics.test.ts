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
});
