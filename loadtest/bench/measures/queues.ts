import { Brokers, type Bench } from '../bench.ts';
import type { CaseFigures } from '../figures.ts';

const queueCounts = [1, 1_000, 10_000] as const;
const BODY_BYTES = 1_024;
const IN_FLIGHT = 256;

/** The same sends to topics of one, a thousand and ten thousand queues, each in turn. */
export async function measureQueues(bench: Bench): Promise<CaseFigures[]> {
  const cases = queueCounts
    .map((queueCount) => ({ queueCount, name: queueCount.toLocaleString('en') }))
    .filter(({ name }) => name.includes(bench.match));
  if (cases.length === 0) return [];
  await using brokers = await Brokers.start(bench, 'async');
  const results: CaseFigures[] = [];
  for (const { queueCount, name } of cases) {
    const topic = `BenchQueues${queueCount}`;
    await brokers.createTopic(topic, queueCount);
    const shape = { topic, queueCount, bodyBytes: BODY_BYTES, batchCount: 1 };
    // Each queue has its files then: to make them is not what sends cost from then on.
    await brokers.store(shape, 32 * queueCount);
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
