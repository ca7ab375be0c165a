import { describe, expect, it } from '@jest/globals';
import { RareCounts } from '../../../services/common/rare-counts.ts';
import { Metrics } from '../../../services/common/metrics.ts';
import { Pace } from '../../../services/flashsale/domain/pace.ts';
import { KeeperMetrics } from '../../../services/flashsale/keeper/keeper-metrics.ts';
import { PaymentMetrics } from '../../../services/payment/application/payment-metrics.ts';
import { FollowerMetrics } from '../../../services/sync/follower/follower-metrics.ts';

async function samplesOf(metrics: Metrics, name: string): Promise<string[]> {
  const text = await metrics.registry.getSingleMetricAsString(name);
  return text.split('\n').filter((line) => line.startsWith(name));
}

describe('a count of what is rare', () => {
  it.each<[string, string, (metrics: Metrics) => unknown]>([
    [
      'millrace_flash_tickets_total',
      'outcome="VOID"',
      (metrics) =>
        new KeeperMetrics(metrics, new Pace({ batchCount: 1, ordersPerS: 0, targetBatchMs: 1 })),
    ],
    [
      'millrace_channel_callbacks_total',
      'outcome="forged"',
      (metrics) => new PaymentMetrics(metrics),
    ],
    [
      'millrace_sync_stream_stops_total',
      'code="SYNC.POSITION_LOST"',
      (metrics) => new FollowerMetrics(metrics),
    ],
  ])(
    'is there at 0 before the first, so that the first is growth: %s{%s}',
    async (name, label, countedBy) => {
      const metrics = new Metrics('a service');
      countedBy(metrics);
      expect(await samplesOf(metrics, name)).toContain(`${name}{${label},service="a service"} 0`);
    },
  );

  it('is there for each group: of dead letters, where they are taken up, of parked messages, where there are none; what was counted already is kept', async () => {
    const metrics = new Metrics('order');
    const consumers = () => [
      { topic: 'ORDER_EVENTS', consumerGroup: 'orders' },
      { topic: '%DLQ%orders', consumerGroup: 'orders-dlq' },
      { topic: 'ORDER_BINLOG', consumerGroup: 'in-order' },
    ];
    metrics.deadLetters.inc({ group: 'orders', outcome: 'waiting' });
    new RareCounts({ consumers }, metrics).onApplicationBootstrap();
    expect(await samplesOf(metrics, 'millrace_dead_letters_total')).toEqual([
      'millrace_dead_letters_total{group="orders",outcome="waiting",service="order"} 1',
      'millrace_dead_letters_total{group="orders",outcome="delivered",service="order"} 0',
      'millrace_dead_letters_total{group="orders",outcome="parked",service="order"} 0',
    ]);
    expect(await samplesOf(metrics, 'millrace_messages_consumed_total')).toEqual([
      'millrace_messages_consumed_total{group="in-order",outcome="parked",service="order"} 0',
    ]);
  });
});
