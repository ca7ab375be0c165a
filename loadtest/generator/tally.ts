import { Latencies } from './latencies.ts';

export interface EndpointTally {
  errors: number;
  latencies: Latencies;
}

/** A tally on its way to another process. */
export interface EncodedTally {
  sent: number;
  visitsEnded: number;
  errors: Record<string, number>;
  counts: Record<string, number>;
  kept: Record<string, string[]>;
  marks: Record<string, string>;
  endpoints: Record<string, { errors: number; latencies: string }>;
  lag: string;
}

/** What has happened in a stretch of time, in one process or in several: tallies can be added up. */
export class Tally {
  sent = 0;
  visitsEnded = 0;
  readonly errors = new Map<string, number>();
  readonly counts = new Map<string, number>();
  readonly kept = new Map<string, string[]>();
  readonly marks = new Map<string, Latencies>();
  readonly endpoints = new Map<string, EndpointTally>();
  /** How long after they were due visitors came. */
  readonly lag = new Latencies();

  static decode(encoded: EncodedTally): Tally {
    const tally = new Tally();
    tally.sent = encoded.sent;
    tally.visitsEnded = encoded.visitsEnded;
    for (const [kind, count] of Object.entries(encoded.errors)) tally.errors.set(kind, count);
    for (const [name, count] of Object.entries(encoded.counts)) tally.counts.set(name, count);
    for (const [list, values] of Object.entries(encoded.kept)) tally.kept.set(list, values);
    for (const [name, latencies] of Object.entries(encoded.marks)) {
      tally.marks.set(name, Latencies.decode(latencies));
    }
    for (const [name, { errors, latencies }] of Object.entries(encoded.endpoints)) {
      tally.endpoints.set(name, { errors, latencies: Latencies.decode(latencies) });
    }
    tally.lag.add(Latencies.decode(encoded.lag));
    return tally;
  }

  get answered(): number {
    return this.#sumOfEndpoints(({ latencies }) => latencies.count);
  }

  get failed(): number {
    return this.#sumOfEndpoints(({ errors }) => errors);
  }

  /** Of all requests that were answered. */
  latencies(): Latencies {
    const all = new Latencies();
    for (const { latencies } of this.endpoints.values()) all.add(latencies);
    return all;
  }

  onAnswered(endpoint: string, ms: number): void {
    this.#endpoint(endpoint).latencies.record(ms);
  }

  onFailed(endpoint: string, kind: string): void {
    this.#endpoint(endpoint).errors += 1;
    this.onError(kind);
  }

  /** One that no request is to blame for. */
  onError(kind: string): void {
    this.errors.set(kind, (this.errors.get(kind) ?? 0) + 1);
  }

  count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  mark(name: string, ms: number): void {
    this.#marks(name).record(ms);
  }

  keep(list: string, value: string): void {
    const values = this.kept.get(list);
    if (values === undefined) this.kept.set(list, [value]);
    else values.push(value);
  }

  add(other: Tally): void {
    this.sent += other.sent;
    this.visitsEnded += other.visitsEnded;
    for (const [kind, count] of other.errors) {
      this.errors.set(kind, (this.errors.get(kind) ?? 0) + count);
    }
    for (const [name, count] of other.counts) this.count(name, count);
    for (const [list, values] of other.kept) {
      this.kept.set(list, (this.kept.get(list) ?? []).concat(values));
    }
    for (const [name, latencies] of other.marks) this.#marks(name).add(latencies);
    for (const [name, { errors, latencies }] of other.endpoints) {
      const mine = this.#endpoint(name);
      mine.errors += errors;
      mine.latencies.add(latencies);
    }
    this.lag.add(other.lag);
  }

  /** Empties it, and keeps its memory for the next stretch. */
  clear(): void {
    this.sent = 0;
    this.visitsEnded = 0;
    this.errors.clear();
    this.counts.clear();
    this.kept.clear();
    for (const latencies of this.marks.values()) latencies.clear();
    for (const endpoint of this.endpoints.values()) {
      endpoint.errors = 0;
      endpoint.latencies.clear();
    }
    this.lag.clear();
  }

  encode(): EncodedTally {
    return {
      sent: this.sent,
      visitsEnded: this.visitsEnded,
      errors: Object.fromEntries(this.errors),
      counts: Object.fromEntries(this.counts),
      kept: Object.fromEntries(this.kept),
      marks: Object.fromEntries(
        [...this.marks].map(([name, latencies]) => [name, latencies.encode()]),
      ),
      endpoints: Object.fromEntries(
        [...this.endpoints].map(([name, { errors, latencies }]) => [
          name,
          { errors, latencies: latencies.encode() },
        ]),
      ),
      lag: this.lag.encode(),
    };
  }

  #marks(name: string): Latencies {
    let latencies = this.marks.get(name);
    if (latencies === undefined) {
      latencies = new Latencies();
      this.marks.set(name, latencies);
    }
    return latencies;
  }

  #endpoint(name: string): EndpointTally {
    let endpoint = this.endpoints.get(name);
    if (endpoint === undefined) {
      endpoint = { errors: 0, latencies: new Latencies() };
      this.endpoints.set(name, endpoint);
    }
    return endpoint;
  }

  #sumOfEndpoints(of: (endpoint: EndpointTally) => number): number {
    let sum = 0;
    for (const endpoint of this.endpoints.values()) sum += of(endpoint);
    return sum;
  }
}
