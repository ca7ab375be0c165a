import type { Metrics } from './metrics.ts';
import type { MillraceMetrics } from './mq.module.ts';

type Numbers = Pick<MillraceMetrics, 'producers' | 'consumers'>;

/** Shows what the mq client counts by itself: its sends, and what its consumers did and have left to do. */
export function exportClientMetrics(metrics: Metrics, client: Numbers): void {
  metrics.counters(
    'millrace_client_sends_total',
    'Sends by outcome: ok, or the code of the error',
    ['producer', 'outcome'],
    () =>
      client
        .producers()
        .flatMap(({ producer, metrics: { succeeded, failed } }) => [
          { labels: { producer, outcome: 'ok' }, value: succeeded },
          ...[...failed].map(([outcome, value]) => ({ labels: { producer, outcome }, value })),
        ]),
  );
  metrics.counters(
    'millrace_client_send_retries_total',
    'Further attempts of sends whose first one failed',
    ['producer'],
    () =>
      client
        .producers()
        .map(({ producer, metrics: { retries } }) => ({ labels: { producer }, value: retries })),
  );
  metrics.gauges(
    'millrace_client_sends_in_flight',
    'Sends that have no answer yet',
    ['producer'],
    async () =>
      client
        .producers()
        .map(({ producer, metrics: { inFlight } }) => ({ labels: { producer }, value: inFlight })),
  );
  metrics.histograms(
    'millrace_client_send_duration_seconds',
    'Time of a send with all its attempts',
    () =>
      client
        .producers()
        .map(({ producer, metrics: { durations } }) => ({ labels: { producer }, durations })),
  );
  metrics.counters(
    'millrace_client_consumed_messages_total',
    'Messages given to a listener: ok, or failed, which come again or are dead letters',
    ['group', 'outcome'],
    () =>
      client.consumers().flatMap(({ consumerGroup: group, metrics: { succeeded, failed } }) => [
        { labels: { group, outcome: 'ok' }, value: succeeded },
        { labels: { group, outcome: 'failed' }, value: failed },
      ]),
  );
  metrics.gauges(
    'millrace_client_messages_in_flight',
    'Messages that this process has fetched and not finished',
    ['group'],
    async () =>
      client.consumers().map(({ consumerGroup: group, metrics: { inFlight } }) => ({
        labels: { group },
        value: inFlight,
      })),
  );
  metrics.gauges(
    'millrace_client_lag_messages',
    'Messages left in the queues of this process, as its latest pulls saw it',
    ['group', 'topic'],
    async () =>
      client.consumers().map(({ consumerGroup: group, topic, metrics: { queues } }) => ({
        labels: { group, topic },
        value: queues.reduce((sum, { queue, lag }) => sum + (queue.topic === topic ? lag : 0), 0),
      })),
  );
}
