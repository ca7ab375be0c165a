import { findingKinds } from '../protocol/finding.ts';
import { counter, gauge, type Metric, type Sample } from '../metrics/exposition.ts';
import type { Parts } from '../metrics/http-endpoint.ts';
import type { Watched } from '../metrics/server-endpoint.ts';
import type { BrokerContext } from './broker-context.ts';
import { connectionMetrics } from './connection-metrics.ts';
import { lagMetrics } from './lag-metrics.ts';
import { storeMetrics } from './store-metrics.ts';
import { trafficMetrics } from './traffic-metrics.ts';

/** What a broker says of itself to those who watch it. All of it is counted anyway, and put together when somebody asks. */
export function watchedBroker(context: BrokerContext): Watched {
  return {
    async *metrics() {
      yield* brokerMetrics(context);
      yield* storeMetrics(context);
      yield* trafficMetrics(context);
      yield* await lagMetrics(context);
      yield* connectionMetrics(context);
    },
    parts: () => parts(context),
  };
}

/**
 * What a broker needs to do its work: a store that hands out messages, and a name server that sends clients here. With a full
 * disk it takes none, and whoever took it out of service for that would keep consumers from what is stored.
 */
function parts({ store, config, namesrv }: BrokerContext): Parts {
  const { state } = store;
  const storePart =
    state.name === 'writable'
      ? ({ status: 'up' } as const)
      : ({ status: state.name === 'read-only' ? 'up' : 'down', reason: state.reason } as const);
  if (config.namesrvAddr === '') return { store: storePart };
  const isRegistered = namesrv.registeredCount > 0;
  return {
    store: storePart,
    nameServer: isRegistered
      ? { status: 'up' }
      : { status: 'down', reason: `registered with none of ${config.namesrvAddr}` },
  };
}

function brokerMetrics(context: BrokerContext): Metric[] {
  const { config, longPolling, popping, schedule, timers, transactions } = context;
  return [
    gauge('rocketmq_broker_permission', '4 read, 2 write, 6 both', config.brokerPermission),
    gauge('rocketmq_topic_number', 'Topics of this broker', context.topics.size),
    gauge('rocketmq_consumer_group_number', 'Consumer groups it knows', context.groups.size),
    gauge(
      'millrace_namesrv_registrations',
      'Name servers that this broker is registered with',
      context.namesrv.registeredCount,
    ),
    gauge('millrace_connections', 'Open client connections', [...context.connections()].length),
    gauge('millrace_long_polls_held', 'Pulls that wait for a message', longPolling.heldCount),
    gauge('millrace_pops_held', 'Pops that wait for a message', popping.popWaits.heldCount),
    gauge(
      'millrace_popped_messages',
      'Messages popped and neither acknowledged nor due again',
      popping.pops.invisibleCount,
    ),
    gauge('millrace_half_messages', 'Transactions nobody has ended yet', transactions.openCount),
    counter(
      'millrace_half_messages_discarded_total',
      'Transactions given up: their producers were asked as often as is allowed, or the half message was removed',
      transactions.discardedCount,
    ),
    gauge('millrace_timers_waiting', 'Messages that wait for a time of their own', timers.size),
    gauge(
      'millrace_delayed_messages_waiting',
      'Messages that wait for the end of a delay level',
      schedule.waitingCount,
    ),
    gauge(
      'millrace_findings',
      'Mistakes noticed in how the broker is used, by kind',
      findings(context),
    ),
  ];
}

function findings(context: BrokerContext): Sample[] {
  const counts = new Map<string, number>(findingKinds.map((kind) => [kind, 0]));
  for (const { kind } of context.findings.list()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, value]) => ({ labels: { kind }, value }));
}
