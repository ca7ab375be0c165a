import { Brokers, type Bench } from '../bench.ts';
import type { CaseFigures } from '../figures.ts';

const TOPIC = 'BenchBacklog';
const QUEUES = 8;
const MESSAGES = 10_000_000;
const BODY_BYTES = 128;
const SEND_BYTES = 1_024;
const IN_FLIGHT = 256;

/** Ten million messages wait: what sends cost beside them, what reading them from the first on does, and the memory. */
export async function measureBacklog(bench: Bench): Promise<CaseFigures[]> {
  const names = ['send beside 10M', 'consume 10M from the first on'] as const;
  const wanted = names.filter((name) => name.includes(bench.match));
  if (wanted.length === 0) return [];
  await using brokers = await Brokers.start(bench, 'async');
  await brokers.createTopic(TOPIC, QUEUES);
  const shape = { topic: TOPIC, queueCount: QUEUES, bodyBytes: BODY_BYTES, batchCount: 1 };
  await brokers.store(shape, MESSAGES);
  const results: CaseFigures[] = [];
  for (const name of wanted) {
    const figures = await brokers.measure({
      measure: 'backlog',
      name,
      jobOn: ({ address, pid }, window) =>
        name === 'send beside 10M'
          ? {
              kind: 'send',
              broker: address,
              brokerPid: pid,
              shape: { ...shape, bodyBytes: SEND_BYTES },
              connections: 1,
              inFlight: IN_FLIGHT,
              ...window,
            }
          : {
              kind: 'pull',
              broker: address,
              brokerPid: pid,
              topic: TOPIC,
              queueCount: QUEUES,
              read: 'all',
              ...window,
            },
    });
    results.push(figures);
  }
  return results;
}
