import { Brokers, type Bench } from '../bench.ts';
import type { CaseFigures } from '../figures.ts';
import { topicsOf } from '../generator/send-ring.ts';

/** A topic of Millrace has 4,096 queues at most: ten thousand are those of ten topics, for both brokers. */
const queueCounts = [
  { topicCount: 1, queueCount: 1 },
  { topicCount: 1, queueCount: 1_000 },
  { topicCount: 10, queueCount: 1_000 },
] as const;
const BODY_BYTES = 1_024;
const IN_FLIGHT = 256;

/** The same sends to one queue, and to a thousand and ten thousand in turn. */
export async function measureQueues(bench: Bench): Promise<CaseFigures[]> {
  const cases = queueCounts
    .map((each) => ({ ...each, name: (each.topicCount * each.queueCount).toLocaleString('en') }))
    .filter(({ name }) => name.includes(bench.match));
  if (cases.length === 0) return [];
  await using brokers = await Brokers.start(bench, 'async');
  const results: CaseFigures[] = [];
  for (const { topicCount, queueCount, name } of cases) {
    const shape = {
      topic: `BenchQueues${topicCount * queueCount}`,
      topicCount,
      queueCount,
      bodyBytes: BODY_BYTES,
      batchCount: 1,
    };
    for (const topic of topicsOf(shape)) await brokers.createTopic(topic, queueCount);
    // Each queue has its files then: to make them is not what sends cost from then on.
    await brokers.store(shape, 32 * topicCount * queueCount);
    const figures = await brokers.measure({
      measure: 'queues',
      name,
      jobOn: ({ address, pid }, window) => ({
        kind: 'send',
        broker: address,
        brokerPid: pid,
        shape,
        connections: 1,
        inFlight: IN_FLIGHT,
        ...window,
      }),
    });
    results.push(figures);
  }
  return results;
}
