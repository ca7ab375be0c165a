import { gauge, type Metric, type Sample } from '../metrics/exposition.ts';
import type { BrokerContext } from './broker-context.ts';
import { isOwnGroup } from './own-groups.ts';

/** Who is connected, under the original's names; a client counts once for each group it is in. */
export function connectionMetrics({ producers, consumers }: BrokerContext): Metric[] {
  return [
    gauge(
      'rocketmq_producer_connections',
      'Producers, by language',
      counted(producers.all(), ({ language }) => ({ language: language.toLowerCase() })),
    ),
    gauge(
      'rocketmq_consumer_connections',
      'Consumers, by group, language and how they get their messages',
      [...consumers.all()].flatMap(([group, { members }]) =>
        counted(members.values(), ({ language, consumeType }) => ({
          consumer_group: group,
          language: language.toLowerCase(),
          consume_mode: consumeType === 'CONSUME_ACTIVELY' ? 'pull' : 'push',
          is_system: String(isOwnGroup(group)),
        })),
      ),
    ),
  ];
}

function counted<T>(
  members: Iterable<T>,
  labelsOf: (member: T) => Record<string, string>,
): Sample[] {
  const samples = new Map<string, { labels: Record<string, string>; value: number }>();
  for (const member of members) {
    const labels = { protocol_type: 'remoting', ...labelsOf(member) };
    const key = JSON.stringify(labels);
    const sample = samples.get(key) ?? { labels, value: 0 };
    sample.value++;
    samples.set(key, sample);
  }
  return [...samples.values()];
}
