import { constantArrivalRate } from '../generator/arrivals.ts';
import { runLoad } from '../generator/run-load.ts';
import type { LoadResult } from '../generator/load-result.ts';
import { defineScenario, type Endpoint, type Scenario } from '../scenario.ts';
import { BARE_PATH, BARE_REQUEST_BODY } from './bare-fastify.ts';

const order: Endpoint = {
  name: 'order',
  service: 'bare',
  method: 'POST',
  path: BARE_PATH,
  answers: [202],
};

const body = JSON.parse(BARE_REQUEST_BODY) as object;

const bareFastify = defineScenario({
  name: 'bare-fastify',
  about: 'a server that does nothing',
  defaults: { ratePerS: 10_000, durationS: 5, stock: 0, seed: 1 },
  arrivals: ({ ratePerS, durationS }) => constantArrivalRate({ ratePerS, durationS }),
  warmUp: ({ ratePerS }) => [{ fromPerS: ratePerS / 10, toPerS: ratePerS, durationS: 3 }],
  backlogs: [],
  setUp: async () => ({}),
  flow: () => {
    return async (visitor) => {
      await visitor.send(order, { body });
    };
  },
  persisted: () => ({ countSql: 'SELECT 0 AS count' }),
  prove: async () => ({ persisted: 0, oversold: 0, lost: 0, duplicated: 0 }),
  thresholds: () => ({}),
});

/** Where those who send find it. */
export const scenarios: Readonly<Record<string, Scenario>> = { [bareFastify.name]: bareFastify };

const ratesPerS = [2_500, 5_000, 10_000, 15_000, 20_000, 30_000, 40_000];
/** Of an open load it must keep up with this share, and answer within this time, or the rate is past the limit. */
const leastShare = 0.98;
const mostMs = 50;

/**
 * Our generator against the bare server: the highest of a few rates that the two of them hold on this machine together, or what
 * came of the lowest, when not even that was held.
 */
export async function measureWithGenerator(
  url: string,
  durationMs: number,
): Promise<{ result: LoadResult; isHeld: boolean }> {
  let held: LoadResult | undefined;
  for (const ratePerS of ratesPerS) {
    const result = await runLoad({
      module: import.meta.url,
      scenario: bareFastify,
      flags: { ...bareFastify.defaults, ratePerS, durationS: durationMs / 1_000 },
      urls: { bare: url },
      customerTokenSecret: '',
      ground: {},
    });
    const isHeld =
      result.answeredPerS >= ratePerS * leastShare &&
      result.latency.p99Ms <= mostMs &&
      Object.keys(result.errors).length === 0;
    if (!isHeld) return { result: held ?? result, isHeld: held !== undefined };
    held = result;
  }
  return { result: held!, isHeld: true };
}
