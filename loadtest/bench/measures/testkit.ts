import { testBroker } from 'millrace/testkit';

/** How many test brokers run beside the one that is measured, as in a test file that forgot none of them. */
const BESIDE_COUNT = 5;
const PER_RUN = 20;

/** Units: milliseconds, from the call of `testBroker()` to a broker that takes messages, and of `close()`. */
export async function measureTestkit(
  runs: number,
  say: (line: string) => void,
): Promise<Record<string, number>> {
  // These also load and compile the code, which a test file pays once.
  const beside = await Promise.all(Array.from({ length: BESIDE_COUNT }, () => testBroker()));
  const readyMs: number[] = [];
  const closedMs: number[] = [];
  for (let run = 0; run < runs * PER_RUN; run++) {
    const startedAt = performance.now();
    const mq = await testBroker();
    const readyAt = performance.now();
    await mq.close();
    readyMs.push(readyAt - startedAt);
    closedMs.push(performance.now() - readyAt);
  }
  for (const mq of beside) await mq.close();
  const ready = at(readyMs, 0.5);
  const slowest = at(readyMs, 0.99);
  say(
    `${readyMs.length} test brokers beside ${BESIDE_COUNT} others: ready after ${ready.toFixed(1)} ms, ` +
      `99 % within ${slowest.toFixed(1)} ms (target < 100 ms); closed after ${at(closedMs, 0.5).toFixed(1)} ms`,
  );
  const round = (ms: number): number => Math.round(ms * 10) / 10;
  return {
    ready_ms: round(ready),
    ready_p99_ms: round(slowest),
    closed_ms: round(at(closedMs, 0.5)),
  };
}

function at(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)]!;
}
