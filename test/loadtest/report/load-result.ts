import { Latencies } from '../../../loadtest/generator/latencies.ts';
import type { LoadResult } from '../../../loadtest/generator/load-result.ts';

const none = new Latencies();

/** A load in which nothing has happened. */
export const loadResult: LoadResult = {
  startedAtMs: 0,
  durationS: 1,
  arrived: 0,
  sent: 0,
  answered: 0,
  answeredPerS: 0,
  errors: {},
  warmUp: { answered: 0, errors: {} },
  latency: none.figures(),
  percentiles: none.percentiles(),
  endpoints: {},
  seconds: [],
  counts: {},
  marks: {},
  kept: {},
  generator: {
    processes: 1,
    cpuCores: 0,
    cpuMicrosPerRequest: 0,
    lag: none.figures(),
    connectionsOpened: 0,
    waitedForConnection: 0,
  },
  problem: undefined,
};
