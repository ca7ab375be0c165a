import { Brokers, type Bench } from '../bench.ts';
import type { CaseFigures } from '../figures.ts';

const TOPIC = 'BenchConsume';
const QUEUES = 8;
const BODY_BYTES = 1_024;
/** With everything a record holds beside its body. */
const RECORD_BYTES = 1_280;
/** What Millrace keeps of the newest bytes in memory. The other broker leaves that to the page cache. */
const TAIL_CACHE_BYTES = 32 * 1024 * 1024;
/** Cold is what is so many times as much as the tail that is kept. */
const COLD_TAILS = 100;

const cases = [
  // Half of the tail: what is read is in memory to its oldest byte.
  { name: 'hot', read: { newest: Math.floor(TAIL_CACHE_BYTES / 2 / RECORD_BYTES / QUEUES) } },
  { name: 'cold', read: 'all' },
] as const;

/**
 * Pulls of 32 messages, one on its way for each of eight queues: of the newest, and of a backlog from its oldest on. The
 * flush mode is of no consequence to who reads: the quicker one is used to store what is read.
 */
export async function measureConsume(bench: Bench): Promise<CaseFigures[]> {
  const wanted = cases.filter(({ name }) => name.includes(bench.match));
  if (wanted.length === 0) return [];
  await using brokers = await Brokers.start(bench, 'async');
  await brokers.createTopic(TOPIC, QUEUES);
  const shape = { topic: TOPIC, queueCount: QUEUES, bodyBytes: BODY_BYTES, batchCount: 1 };
  await brokers.store(shape, Math.ceil((COLD_TAILS * TAIL_CACHE_BYTES) / RECORD_BYTES));
  const results: CaseFigures[] = [];
  for (const { name, read } of wanted) {
    const figures = await brokers.measure({
      measure: 'consume',
      name,
      headline: 'consume',
      jobOn: ({ address, pid }, window) => ({
        kind: 'pull',
        broker: address,
        brokerPid: pid,
        topic: TOPIC,
        queueCount: QUEUES,
        read,
        ...window,
      }),
    });
    results.push(figures);
  }
  return results;
}
