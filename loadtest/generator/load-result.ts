/** Of the latencies of many requests. Units: milliseconds. */
export interface LatencyFigures {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** One second of a load, as all its processes together have seen it. */
export interface LoadSecond {
  /** From 0, of the measured part. */
  readonly second: number;
  /** Visitors that were due in it, whenever they came. */
  readonly arrived: number;
  readonly sent: number;
  /** Requests answered in it, and those that failed. */
  readonly answered: number;
  readonly failed: number;
  readonly inFlight: number;
  readonly latency: LatencyFigures;
}

/** The generators themselves: what may not be blamed on the system. */
export interface GeneratorFigures {
  readonly processes: number;
  /** Of all of them together: 0.5 is half of one core. */
  readonly cpuCores: number;
  readonly cpuMicrosPerRequest: number;
  /** How long after they were due visitors came. Part of every latency. */
  readonly lag: LatencyFigures;
  readonly connectionsOpened: number;
  /** Requests that found all connections taken. Their latency has the wait in it. */
  readonly waitedForConnection: number;
}

export interface EndpointFigures {
  readonly perS: number;
  readonly errors: number;
  readonly latency: LatencyFigures;
}

/** What came of a load. Nothing of a warm-up is in it but `warmUp`. */
export interface LoadResult {
  /** ms since epoch, of the first second. */
  readonly startedAtMs: number;
  /** Until the last visitor was due; answers that came later count, too. */
  readonly durationS: number;
  readonly arrived: number;
  readonly sent: number;
  readonly answered: number;
  /** Over the time in which visitors came. */
  readonly answeredPerS: number;
  /** By kind: `status_503`, `timeout`, `reset`, `dropped`, … */
  readonly errors: Readonly<Record<string, number>>;
  readonly warmUp: {
    readonly answered: number;
    readonly errors: Readonly<Record<string, number>>;
  };
  readonly latency: LatencyFigures;
  /** From the fastest to the slowest. */
  readonly percentiles: readonly { readonly percentile: number; readonly ms: number }[];
  readonly endpoints: Readonly<Record<string, EndpointFigures>>;
  readonly seconds: readonly LoadSecond[];
  readonly counts: Readonly<Record<string, number>>;
  /** By name: how long after they were due visitors had got so far. */
  readonly marks: Readonly<Record<string, LatencyFigures>>;
  readonly kept: Readonly<Record<string, readonly string[]>>;
  readonly generator: GeneratorFigures;
  /** Of the first visit that ended by an error of its own: a mistake in the scenario, or an answer it cannot read. */
  readonly problem: string | undefined;
}
