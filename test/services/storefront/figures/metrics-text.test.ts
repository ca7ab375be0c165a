import { describe, expect, it } from '@jest/globals';
import { Metrics } from '../../../../services/common/metrics.ts';
import { samplesOf } from '../../../../services/storefront/figures/metrics-text.ts';

describe("Prometheus' text", () => {
  it('is read as the services write it', async () => {
    const metrics = new Metrics('order');
    const quoted = 'a "quoted" \\ group,\nof two lines}';
    metrics.messagesConsumed.inc({ group: quoted, outcome: 'handled' }, 3);
    metrics.httpRequestSeconds.observe({ method: 'POST', route: '/orders', status: '201' }, 0.03);
    const samples = samplesOf(await metrics.registry.metrics());
    expect(samples).toContainEqual({
      name: 'millrace_messages_consumed_total',
      labels: { group: quoted, outcome: 'handled', service: 'order' },
      value: 3,
    });
    const labels = { method: 'POST', route: '/orders', status: '201', service: 'order' };
    expect(samples).toContainEqual({
      name: 'http_request_duration_seconds_bucket',
      labels: { le: '+Inf', ...labels },
      value: 1,
    });
    expect(samples).toContainEqual({
      name: 'http_request_duration_seconds_bucket',
      labels: { le: '0.025', ...labels },
      value: 0,
    });
  });

  it('may have samples without labels, numbers of every form, and lines that are none', () => {
    const text =
      '# HELP up Who is up\n# TYPE up gauge\nup 1\nlow -Inf\nsmall 2e-3 1796080818226\n\n  \n';
    expect(samplesOf(text)).toEqual([
      { name: 'up', labels: {}, value: 1 },
      { name: 'low', labels: {}, value: -Infinity },
      { name: 'small', labels: {}, value: 0.002 },
    ]);
  });

  it('is of those metrics alone that are named', async () => {
    const metrics = new Metrics('order');
    let askedCount = 0;
    metrics.gauge('costly', 'What the broker is asked for', () => Promise.resolve(++askedCount));
    const text = await metrics.textOf(['millrace_messages_spooled_total', 'nobody_knows_this']);
    expect(samplesOf(text)).toEqual([
      { name: 'millrace_messages_spooled_total', labels: { service: 'order' }, value: 0 },
    ]);
    expect(askedCount).toBe(0);
    expect(samplesOf(await metrics.textOf(['costly']))).toHaveLength(1);
  });
});
