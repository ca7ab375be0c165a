import { Brokers, measureCase, WARM_UP_MS, type Bench } from '../bench.ts';
import type { CaseFigures } from '../figures.ts';

const loads = [
  { name: '1 in flight', connections: 1, inFlight: 1 },
  { name: '16 in flight', connections: 1, inFlight: 16 },
  { name: '64 in flight', connections: 1, inFlight: 64 },
  { name: '256 in flight', connections: 1, inFlight: 256 },
  { name: '64 × 1 in flight', connections: 64, inFlight: 1 },
] as const;

const sizes = [
  { name: '128B', bodyBytes: 128 },
  { name: '1KiB', bodyBytes: 1_024 },
  { name: '16KiB', bodyBytes: 16_384 },
] as const;

const TOPIC = 'BenchSend';
const QUEUES = 4;

/** Single messages in a closed loop: on one connection with several on their way, and on many with one each. */
export async function measureSend(bench: Bench): Promise<CaseFigures[]> {
  const results: CaseFigures[] = [];
  for (const flush of bench.flush) {
    const cases = sizes
      .flatMap((size) =>
        loads.map((load) => ({ ...size, ...load, name: `${flush} ${size.name} ${load.name}` })),
      )
      .filter(({ name }) => name.includes(bench.match));
    if (cases.length === 0) continue;
    await using brokers = await Brokers.start(bench, flush);
    await brokers.createTopic(TOPIC, QUEUES);
    for (const { name, bodyBytes, connections, inFlight } of cases) {
      const shape = { topic: TOPIC, queueCount: QUEUES, bodyBytes, batchCount: 1 };
      results.push(
        await measureCase(bench, brokers, name, ({ address, pid }, measureMs) => ({
          kind: 'send',
          broker: address,
          brokerPid: pid,
          shape,
          connections,
          inFlight,
          warmUpMs: WARM_UP_MS,
          measureMs,
        })),
      );
    }
  }
  return results;
}
