import { gauge, type Metric } from '../metrics/exposition.ts';
import { isRetryTopic, isSystemTopic } from '../protocol/names.ts';
import type { BrokerContext } from './broker-context.ts';
import { isOwnGroup } from './own-groups.ts';

interface Lag {
  readonly labels: Readonly<Record<string, string>>;
  /** Not consumed; of these, fetched, and not fetched. */
  readonly waiting: number;
  readonly inFlight: number;
  readonly ready: number;
  /** Since the oldest of each was stored. */
  readonly waitingMs: number;
  readonly readyMs: number;
}

/** Between two slices the broker goes on with its work. A queue may cost two reads of a file. */
const QUEUES_A_SLICE = 100;

/** How far consumer groups are behind, under the original's names: of every group and topic of which there is progress. */
export async function lagMetrics(context: BrokerContext): Promise<Metric[]> {
  const lags = await lagsOf(context);
  const each = (value: (lag: Lag) => number) =>
    lags.map((lag) => ({ labels: lag.labels, value: value(lag) }));
  return [
    gauge(
      'rocketmq_consumer_lag_messages',
      'Messages that a group has not consumed',
      each(({ waiting }) => waiting),
    ),
    gauge(
      'rocketmq_consumer_lag_latency_milliseconds',
      'Since when the oldest of them waits',
      each(({ waitingMs }) => waitingMs),
    ),
    gauge(
      'rocketmq_consumer_inflight_messages',
      'Of them, those that a consumer has fetched',
      each(({ inFlight }) => inFlight),
    ),
    gauge(
      'rocketmq_consumer_ready_messages',
      'Of them, those that no consumer has fetched',
      each(({ ready }) => ready),
    ),
    gauge(
      'rocketmq_consumer_queueing_latency_milliseconds',
      'Since when the oldest of those waits that no consumer has fetched',
      each(({ readyMs }) => readyMs),
    ),
  ];
}

async function lagsOf(context: BrokerContext): Promise<Lag[]> {
  const { offsets, store, topics } = context;
  const groupTopics = [...offsets.groupTopics()];
  const lags: Lag[] = [];
  let queueCount = 0;
  for (const { group, topic } of groupTopics) {
    const config = topics.get(topic);
    if (config === undefined) continue;
    if (store.state.name === 'closed') break;
    lags.push(lagOf(context, group, topic));
    queueCount += config.readQueueNums;
    if (queueCount < QUEUES_A_SLICE) continue;
    queueCount = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return lags;
}

function lagOf(
  { offsets, topics, store, clock }: BrokerContext,
  group: string,
  topic: string,
): Lag {
  const progress = offsets.progress(group, topic);
  const now = clock.now();
  const ageOf = (queueId: number, queueOffset: number): number => {
    // Of what was removed before it was consumed nobody knows the age: it is as late as the oldest that is left, and not at all when none is.
    const oldest = Math.max(queueOffset, store.minOffset(topic, queueId));
    const storedAt = store.storeTimeOf(topic, queueId, oldest);
    return storedAt < 0 ? 0 : Math.max(0, now - storedAt);
  };
  let [waiting, inFlight, ready, waitingMs, readyMs] = [0, 0, 0, 0, 0];
  for (let queueId = 0; queueId < (topics.get(topic)?.readQueueNums ?? 0); queueId++) {
    const end = store.maxOffset(topic, queueId);
    const consumed = Math.min(end, progress.get(queueId) ?? store.minOffset(topic, queueId));
    const pulled = offsets.pulledAt({ group, topic, queueId }) ?? consumed;
    const fetched = Math.min(end, Math.max(consumed, pulled));
    waiting += end - consumed;
    inFlight += fetched - consumed;
    ready += end - fetched;
    if (consumed < end) waitingMs = Math.max(waitingMs, ageOf(queueId, consumed));
    if (fetched < end) readyMs = Math.max(readyMs, ageOf(queueId, fetched));
  }
  const labels = {
    consumer_group: group,
    topic,
    is_retry: String(isRetryTopic(topic)),
    is_system: String(isSystemTopic(topic) || isOwnGroup(group)),
  };
  return { labels, waiting, inFlight, ready, waitingMs, readyMs };
}
