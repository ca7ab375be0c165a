import { RecentlySeen } from './recently-seen.ts';

export interface BucketRate {
  /** Tokens that come back a second; 0: nobody is limited. */
  readonly ratePerS: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * A bucket of tokens for each key: whoever has none must wait until one has come back.
 *
 * Bounded: of more than `maxCount` keys, those not seen for longest are forgotten, which is as good as having full buckets.
 * Units:  nowMs of a clock that never goes back.
 */
export class TokenBuckets {
  readonly #rate: BucketRate;
  readonly #buckets: RecentlySeen<Bucket>;

  constructor(rate: BucketRate, maxCount = 100_000) {
    this.#rate = rate;
    this.#buckets = new RecentlySeen(maxCount);
  }

  /** Takes a token and returns 0; or returns how many ms it takes until there is one. */
  take(key: string, nowMs: number): number {
    const { ratePerS, burst } = this.#rate;
    if (ratePerS === 0) return 0;
    const bucket = this.#find(key, nowMs);
    const back = ((nowMs - bucket.atMs) * ratePerS) / 1_000;
    bucket.tokens = Math.min(burst, bucket.tokens + back);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return ((1 - bucket.tokens) / ratePerS) * 1_000;
    bucket.tokens -= 1;
    return 0;
  }

  get size(): number {
    return this.#buckets.size;
  }

  #find(key: string, nowMs: number): Bucket {
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    const bucket = { tokens: this.#rate.burst, atMs: nowMs };
    this.#buckets.set(key, bucket);
    return bucket;
  }
}
