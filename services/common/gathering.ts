import { performance } from 'node:perf_hooks';

/** As much as one statement should name. */
const MAX_COUNT = 128;

/** Who has waited so long for a run, for a lock it cannot get, say, waits for it no longer, but goes with those behind him. */
const MAX_WAIT_MS = 50;
const MAX_RUNS = 4;

export interface GatheringOptions<Item, Result> {
  /**
   * Does items together, all or none: the results in the order of the items. Called again with each item alone when it throws,
   * so that one of them that cannot be done is no matter of the others.
   */
  work: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Does an item alone when it could not be done together with others. Default: `work`. */
  alone?: (item: Item) => Promise<Result>;
  /** From the beginning of one run to that of the next, so that it finds company. Default 0: as soon as the one before has ended. */
  paceMs?: number;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Does together what is asked for one by one at about the same time: one transaction costs the database, and this process, as
 * much as one for each, and a busy moment has many.
 *
 * Who comes first, in a quiet moment, is served at once; who comes while that is under way waits for its end, but no longer
 * than 50 ms, with all that come meanwhile. So the busier it is, the less each costs.
 */
export class Gathering<Item, Result> {
  readonly #options: GatheringOptions<Item, Result>;
  readonly #waiting: Waiting<Item, Result>[] = [];
  #runCount = 0;
  #isStartDue = false;
  #lastStartMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GatheringOptions<Item, Result>) {
    this.#options = options;
  }

  /** Errors: those of the item done alone. */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#startInTime();
    });
  }

  #startInTime(): void {
    if (this.#isStartDue || this.#waiting.length === 0 || this.#runCount === MAX_RUNS) return;
    clearTimeout(this.#timer);
    const { paceMs = 0 } = this.#options;
    const restMs = this.#runCount === 0 ? paceMs : Math.max(paceMs, MAX_WAIT_MS);
    const waitMs = this.#lastStartMs + restMs - performance.now();
    if (waitMs > 0) {
      this.#timer = setTimeout(() => void this.#run(), waitMs);
      return;
    }
    this.#isStartDue = true;
    // Not before those who come in this turn of the event loop are here, too.
    setImmediate(() => void this.#run());
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#isStartDue = false;
    this.#lastStartMs = performance.now();
    this.#runCount += 1;
    const batch = this.#waiting.splice(0, MAX_COUNT);
    this.#startInTime();
    try {
      const results = await this.#options.work(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index]!);
    } catch (error) {
      await this.#oneByOne(batch, error);
    }
    this.#runCount -= 1;
    this.#startInTime();
  }

  async #oneByOne(batch: readonly Waiting<Item, Result>[], cause: unknown): Promise<void> {
    const { work, alone } = this.#options;
    if (batch.length === 1 && alone === undefined) {
      for (const { reject } of batch) reject(cause);
      return;
    }
    const again = alone ?? (async (item: Item): Promise<Result> => (await work([item]))[0]!);
    await Promise.all(batch.map(({ item, resolve, reject }) => again(item).then(resolve, reject)));
  }
}
