import { Brokers, type Bench } from '../bench.ts';
import type { CaseFigures, Headline } from '../figures.ts';

/** `isHeadline`: what the two brokers are held against each other by, with 1 KiB. */
const loads = [
  { name: '1 in flight', connections: 1, inFlight: 1, isHeadline: false },
  { name: '16 in flight', connections: 1, inFlight: 16, isHeadline: false },
  { name: '64 in flight', connections: 1, inFlight: 64, isHeadline: false },
  { name: '256 in flight', connections: 1, inFlight: 256, isHeadline: true },
  { name: '64 × 1 in flight', connections: 64, inFlight: 1, isHeadline: true },
] as const;

const sizes = [
  { sizeName: '128B', bodyBytes: 128 },
  { sizeName: '1KiB', bodyBytes: 1_024 },
  { sizeName: '16KiB', bodyBytes: 16_384 },
] as const;

const HEADLINE_BYTES = 1_024;
const TOPIC = 'BenchSend';
const QUEUES = 4;

/** Single messages in a closed loop: on one connection with several on their way, and on many with one each. */
export async function measureSend(bench: Bench): Promise<CaseFigures[]> {
  const results: CaseFigures[] = [];
  for (const flush of bench.flush) {
    const cases = sizes
      .flatMap(({ sizeName, bodyBytes }) =>
        loads.map((load) => ({ ...load, bodyBytes, name: `${flush} ${sizeName} ${load.name}` })),
      )
      .filter(({ name }) => name.includes(bench.match));
    if (cases.length === 0) continue;
    await using brokers = await Brokers.start(bench, flush);
    await brokers.createTopic(TOPIC, QUEUES);
    for (const { name, bodyBytes, connections, inFlight, isHeadline } of cases) {
      const headline: Headline = flush === 'sync' ? 'sendSync' : 'send';
      const shape = { topic: TOPIC, queueCount: QUEUES, bodyBytes, batchCount: 1 };
      const figures = await brokers.measure({
        measure: 'send',
        name,
        headline: isHeadline && bodyBytes === HEADLINE_BYTES ? headline : undefined,
        jobOn: ({ address, pid }, window) => ({
          kind: 'send',
          broker: address,
          brokerPid: pid,
          shape,
          connections,
          inFlight,
          ...window,
        }),
      });
      results.push(figures);
    }
  }
  return results;
}
