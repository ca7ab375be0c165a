import { Brokers, type Bench } from '../bench.ts';
import type { BrokerName } from '../broker-under-test.ts';
import type { CaseFigures } from '../figures.ts';

const TOPIC = 'BenchLatency';
const QUEUES = 4;
const BODY_BYTES = 1_024;
const PEAK_MS = 1_000;
/** On its way while a broker's peak is looked for. */
const IN_FLIGHT = 256;

/** At the second the two brokers are held against each other. */
const rates = [
  { name: '1k/s', ratePerS: 1_000, isHeadline: false },
  { name: '10k/s', ratePerS: 10_000, isHeadline: true },
  { name: '50 % of its peak', ratePerS: undefined, isHeadline: false },
] as const;

/** From when a message is due to when a consumer has it, at rates that nothing slows down. */
export async function measureLatency(bench: Bench): Promise<CaseFigures[]> {
  const results: CaseFigures[] = [];
  for (const flush of bench.flush) {
    const cases = rates
      .map((rate) => ({ ...rate, name: `${flush} ${rate.name}` }))
      .filter(({ name }) => name.includes(bench.match));
    if (cases.length === 0) continue;
    await using brokers = await Brokers.start(bench, flush);
    await brokers.createTopic(TOPIC, QUEUES);
    const shape = { topic: TOPIC, queueCount: QUEUES, bodyBytes: BODY_BYTES, batchCount: 1 };
    const peaks = await peaksOf(bench, brokers);
    for (const { name, ratePerS, isHeadline } of cases) {
      const figures = await brokers.measure({
        measure: 'latency',
        name,
        headline: isHeadline ? 'p99' : undefined,
        jobOn: (broker, window) => ({
          kind: 'flow',
          broker: broker.address,
          brokerPid: broker.pid,
          shape,
          ratePerS: ratePerS ?? peaks.get(broker.name)! / 2,
          ...window,
        }),
      });
      results.push(figures);
    }
  }
  return results;
}

/** What each takes at most from one connection, on a topic that nobody consumes. */
async function peaksOf({ load, say }: Bench, brokers: Brokers): Promise<Map<BrokerName, number>> {
  const topic = `${TOPIC}Peak`;
  await brokers.createTopic(topic, QUEUES);
  const peaks = new Map<BrokerName, number>();
  for (const { name, address, pid } of brokers.all) {
    const { messages, elapsedMs } = await load.run({
      kind: 'send',
      broker: address,
      brokerPid: pid,
      shape: { topic, queueCount: QUEUES, bodyBytes: BODY_BYTES, batchCount: 1 },
      connections: 1,
      inFlight: IN_FLIGHT,
      warmUpMs: PEAK_MS / 4,
      measureMs: PEAK_MS,
    });
    const perS = Math.max(1, Math.round((messages * 1_000) / elapsedMs));
    say(`  the peak of ${name} is taken as ${perS.toLocaleString('en')} a second`);
    peaks.set(name, perS);
  }
  return peaks;
}
