import { counter, type Metric } from '../metrics/exposition.ts';
import { isSystemTopic, SystemTopic } from '../protocol/names.ts';
import type { BrokerContext } from './broker-context.ts';
import type { Amount } from './message-traffic.ts';
import { isOwnGroup } from './own-groups.ts';

/** What passed through, under the original's names. Its messages by type are told apart by where they are stored first. */
export function trafficMetrics({ traffic, groups }: BrokerContext): Metric[] {
  const groupNames = Array.from(groups.all(), ({ groupName }) => groupName);
  const stored = [...traffic.stored].map(([topic, amount]) => ({
    labels: storedLabels(topic),
    amount,
  }));
  const handedOut = [...traffic.handedOut].flatMap(([topic, groups]) =>
    [...groups].map(([group, amount]) => ({ labels: groupLabels(topic, group), amount })),
  );
  return [
    counter(
      'rocketmq_messages_in_total',
      'Messages stored, by topic; a delayed one and a half message in the topic where they wait, too',
      amounts(stored, 'messages'),
    ),
    counter('rocketmq_throughput_in_total', 'Their bytes', amounts(stored, 'bytes')),
    counter(
      'rocketmq_messages_out_total',
      'Messages handed to consumers, by topic and group; a repeated one again',
      amounts(handedOut, 'messages'),
    ),
    counter('rocketmq_throughput_out_total', 'Their bytes', amounts(handedOut, 'bytes')),
    counter(
      'rocketmq_send_to_dlq_messages_total',
      'Messages that became dead letters, by group',
      [...fromZero(groupNames, traffic.deadLetters())].map(([group, value]) => ({
        labels: { consumer_group: group, is_system: String(isOwnGroup(group)) },
        value,
      })),
    ),
    counter(
      'rocketmq_commit_messages_total',
      'Transactions committed, by topic',
      byTopic(fromZero(traffic.rolledBack.keys(), traffic.committed)),
    ),
    counter(
      'rocketmq_rollback_messages_total',
      'Transactions rolled back by their producers, by topic',
      byTopic(fromZero(traffic.committed.keys(), traffic.rolledBack)),
    ),
  ];
}

type Labelled = { readonly labels: Record<string, string>; readonly amount: Amount };

function amounts(all: readonly Labelled[], what: keyof Amount) {
  return all.map(({ labels, amount }) => ({ labels, value: amount[what] }));
}

/** Those not counted yet at 0: in a count that comes into being with the first of them Prometheus sees no growth. */
function fromZero(
  names: Iterable<string>,
  counts: Iterable<[string, number]>,
): ReadonlyMap<string, number> {
  const all = new Map<string, number>();
  for (const name of names) all.set(name, 0);
  for (const [name, count] of counts) all.set(name, count);
  return all;
}

function byTopic(counts: ReadonlyMap<string, number>) {
  return [...counts].map(([topic, value]) => ({ labels: { topic }, value }));
}

function storedLabels(topic: string): Record<string, string> {
  return { topic, message_type: messageType(topic), is_system: String(isSystemTopic(topic)) };
}

function groupLabels(topic: string, group: string): Record<string, string> {
  return {
    topic,
    consumer_group: group,
    is_system: String(isSystemTopic(topic) || isOwnGroup(group)),
  };
}

function messageType(topic: string): string {
  if (topic === SystemTopic.SCHEDULE || topic === SystemTopic.TIMER) return 'delay';
  return topic === SystemTopic.TRANSACTION_HALF ? 'transaction' : 'normal';
}
