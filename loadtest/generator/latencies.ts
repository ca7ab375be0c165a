import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';
import type { LatencyFigures } from './load-result.ts';

/** An hour: more than any time-out; longer ones count as this long. */
const maxMicros = 3_600_000_000;
/** A latency is kept to three digits: 1.23 ms, 45.6 ms. */
const digits = 3;
const bucketBits = 32;

const plottedPercentiles = [
  ...Array.from({ length: 18 }, (_, index) => 5 * (index + 1)),
  92.5,
  95,
  97,
  98,
  99,
  99.5,
  99.9,
  99.95,
  99.99,
  99.999,
  100,
];

/**
 * How long many things took, as a distribution that can be added to another and sent to another process.
 *
 * Units: milliseconds outside, whole microseconds inside.
 */
export class Latencies {
  readonly #histogram: Histogram;

  constructor(histogram: Histogram = emptyHistogram()) {
    this.#histogram = histogram;
  }

  static decode(text: string): Latencies {
    return new Latencies(decodeFromCompressedBase64(text, bucketBits, false));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  record(ms: number): void {
    this.#histogram.recordValue(Math.min(Math.max(Math.round(ms * 1_000), 0), maxMicros));
  }

  add(other: Latencies): void {
    this.#histogram.add(other.#histogram);
  }

  clear(): void {
    this.#histogram.reset();
  }

  encode(): string {
    return encodeIntoCompressedBase64(this.#histogram);
  }

  percentileMs(percentile: number): number {
    return this.count === 0 ? 0 : this.#histogram.getValueAtPercentile(percentile) / 1_000;
  }

  percentiles(): { percentile: number; ms: number }[] {
    return plottedPercentiles.map((percentile) => ({
      percentile,
      ms: this.percentileMs(percentile),
    }));
  }

  figures(): LatencyFigures {
    return {
      count: this.count,
      meanMs: this.count === 0 ? 0 : this.#histogram.mean / 1_000,
      p50Ms: this.percentileMs(50),
      p95Ms: this.percentileMs(95),
      p99Ms: this.percentileMs(99),
      p999Ms: this.percentileMs(99.9),
      maxMs: this.percentileMs(100),
    };
  }
}

function emptyHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: maxMicros,
    numberOfSignificantValueDigits: digits,
    bitBucketSize: bucketBits,
    useWebAssembly: false,
  });
}
