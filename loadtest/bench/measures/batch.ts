import { Brokers, type Bench } from '../bench.ts';
import type { CaseFigures } from '../figures.ts';

const batches = [
  { name: '16 × 128B', batchCount: 16, bodyBytes: 128 },
  { name: '128 × 128B', batchCount: 128, bodyBytes: 128 },
  { name: '16 × 1KiB', batchCount: 16, bodyBytes: 1_024 },
] as const;

const TOPIC = 'BenchBatch';
const QUEUES = 4;
/** Batches on their way, on one connection. */
const IN_FLIGHT = 32;

/** Messages in batches, in a closed loop; a rate is of messages, a latency of a batch. */
export async function measureBatch(bench: Bench): Promise<CaseFigures[]> {
  const results: CaseFigures[] = [];
  for (const flush of bench.flush) {
    const cases = batches
      .map((batch) => ({ ...batch, name: `${flush} ${batch.name}` }))
      .filter(({ name }) => name.includes(bench.match));
    if (cases.length === 0) continue;
    await using brokers = await Brokers.start(bench, flush);
    await brokers.createTopic(TOPIC, QUEUES);
    for (const { name, batchCount, bodyBytes } of cases) {
      const shape = { topic: TOPIC, queueCount: QUEUES, bodyBytes, batchCount };
      const figures = await brokers.measure({
        measure: 'batch',
        name,
        headline: 'batch',
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
  }
  return results;
}
