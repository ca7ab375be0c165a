import { isOver, type FlashSale } from '../domain/flash-sale.ts';

/** What a gate can answer by itself. */
export type Remembered =
  | 'UNKNOWN'
  | 'OVER'
  | 'SOLD_OUT'
  | { startsInMs: number }
  /** Only Redis can tell. */
  | 'ASK';

interface Entry {
  sale: Pick<FlashSale, 'state' | 'endsAt'>;
  isSoldOut: boolean;
  /** Redis has said that it is over, by its clock; that is good until then, on the steady clock. */
  overUntilMs: number;
  /** When it starts, on the steady clock, as Redis has said; that is good until `earlyUntilMs`. */
  startsAtMs: number;
  earlyUntilMs: number;
}

/** How long a gate repeats what Redis has said of the time: its clock may be set, forward or back. */
const TIME_MS = 2_000;

/** Ids that nobody has opened a sale under are forgotten after so long, or earlier when there are too many. */
const UNKNOWN_MS = 1_000;
const MAX_UNKNOWN_COUNT = 10_000;
/** Redis decides what is over; a gate does so by itself only when its clock would have to be wrong by more than this. */
const CLOCK_TOLERANCE_MS = 60_000;

/**
 * What a gate remembers of sales, so that the crowd that comes too early, too late or to sold-out shelves costs Redis nothing.
 *
 * Units: both clocks in ms; `now` is the time of day, `steadyNow` one that nobody sets.
 */
export class SaleMemory {
  readonly #now: () => number;
  readonly #steadyNow: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #unknown = new Map<string, number>();

  constructor(
    now: () => number = () => Date.now(),
    steadyNow: () => number = () => performance.now(),
  ) {
    this.#now = now;
    this.#steadyNow = steadyNow;
  }

  recall(saleId: string): Remembered {
    const entry = this.#entries.get(saleId);
    if (entry === undefined) {
      const untilMs = this.#unknown.get(saleId);
      return untilMs !== undefined && this.#steadyNow() < untilMs ? 'UNKNOWN' : 'ASK';
    }
    const steadyMs = this.#steadyNow();
    if (steadyMs < entry.overUntilMs || isOver(entry.sale, this.#now() - CLOCK_TOLERANCE_MS))
      return 'OVER';
    if (entry.isSoldOut) return 'SOLD_OUT';
    return steadyMs < entry.earlyUntilMs ? { startsInMs: entry.startsAtMs - steadyMs } : 'ASK';
  }

  /** Whether the ledger has such a sale, as far as it was told. */
  knows(saleId: string): boolean {
    return this.#entries.has(saleId);
  }

  /** All sales that customers may still ask for. The others are unknown from now on. */
  learn(sales: readonly FlashSale[]): void {
    const ids = new Set(sales.map(({ saleId }) => saleId));
    for (const saleId of this.#entries.keys()) {
      if (!ids.has(saleId)) this.#entries.delete(saleId);
    }
    for (const sale of sales) this.add(sale);
  }

  add(sale: FlashSale): void {
    this.#unknown.delete(sale.saleId);
    const entry = this.#entries.get(sale.saleId);
    if (entry) entry.sale = sale;
    else {
      const unknown = { isSoldOut: false, overUntilMs: 0, startsAtMs: 0, earlyUntilMs: 0 };
      this.#entries.set(sale.saleId, { sale, ...unknown });
    }
  }

  isUnknown(saleId: string): void {
    if (this.#unknown.size >= MAX_UNKNOWN_COUNT) this.#unknown.clear();
    this.#unknown.set(saleId, this.#steadyNow() + UNKNOWN_MS);
  }

  isSoldOut(saleId: string): void {
    const entry = this.#entries.get(saleId);
    if (entry) entry.isSoldOut = true;
  }

  hasStock(saleId: string): void {
    const entry = this.#entries.get(saleId);
    if (entry) entry.isSoldOut = false;
  }

  hasEnded(saleId: string): void {
    const entry = this.#entries.get(saleId);
    if (entry) entry.overUntilMs = this.#steadyNow() + TIME_MS;
  }

  startsIn(saleId: string, startsInMs: number): void {
    const entry = this.#entries.get(saleId);
    if (entry === undefined) return;
    const steadyMs = this.#steadyNow();
    entry.startsAtMs = steadyMs + startsInMs;
    entry.earlyUntilMs = steadyMs + Math.min(startsInMs, TIME_MS);
  }

  /** Sales that are remembered as sold out. */
  soldOut(): string[] {
    return Array.from(this.#entries)
      .filter(([, { isSoldOut }]) => isSoldOut)
      .map(([saleId]) => saleId);
  }

  /** Newest first, for who looks for a ticket without knowing its sale. */
  saleIds(): string[] {
    return [...this.#entries.keys()].sort().toReversed();
  }
}
