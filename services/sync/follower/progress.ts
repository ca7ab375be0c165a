import type { BinlogPosition } from '../../contracts/order-binlog.ts';

/** A transaction of the binlog that has been read, at least in part. */
export interface ReadTransaction {
  readonly start: BinlogPosition;
  committedAtMs: number;
  /** Undefined while its end has not been read. */
  end: BinlogPosition | undefined;
  /** Its changes that are not published yet. */
  waitingCount: number;
}

/**
 * Knows up to which position of the binlog everything is published: where to begin after a restart.
 *
 * It is always the beginning of a transaction, since the rows of one can only be read from there.
 */
export class Progress {
  /** Oldest first; the first one is not published in full. */
  readonly #open: ReadTransaction[] = [];
  #position: BinlogPosition;
  #publishedThroughMs: number | undefined;

  constructor(start: BinlogPosition) {
    this.#position = start;
  }

  get position(): BinlogPosition {
    return this.#position;
  }

  /** When the latest change happened of those before which everything is published. Undefined before there is one. */
  get publishedThroughMs(): number | undefined {
    return this.#publishedThroughMs;
  }

  get isAllPublished(): boolean {
    return this.#open.length === 0;
  }

  /** Transactions that are kept in memory. */
  get openCount(): number {
    return this.#open.length;
  }

  begin(start: BinlogPosition, committedAtMs: number): ReadTransaction {
    const transaction = { start, committedAtMs, end: undefined, waitingCount: 0 };
    this.#open.push(transaction);
    return transaction;
  }

  end(transaction: ReadTransaction, end: BinlogPosition): void {
    transaction.end ??= end;
    this.#merge(transaction);
    this.#advance();
  }

  /** Nothing of ours is between the end of what was read and this position. */
  skipTo(position: BinlogPosition): void {
    const committedAtMs = this.#open.at(-1)?.committedAtMs ?? this.#publishedThroughMs ?? 0;
    this.end(this.begin(position, committedAtMs), position);
  }

  published(transaction: ReadTransaction): void {
    transaction.waitingCount--;
    this.#advance();
  }

  /** One without changes of ours goes with the one before it: while that one waits, there may be any number of them. */
  #merge(transaction: ReadTransaction): void {
    const before = this.#open.at(-2);
    if (before?.end === undefined) return;
    if (this.#open.at(-1) !== transaction || transaction.waitingCount > 0) return;
    before.end = transaction.end;
    before.committedAtMs = transaction.committedAtMs;
    this.#open.pop();
  }

  #advance(): void {
    for (let [first] = this.#open; first !== undefined; [first] = this.#open) {
      if (first.end === undefined || first.waitingCount > 0) return;
      this.#position = first.end;
      this.#publishedThroughMs = first.committedAtMs;
      this.#open.shift();
    }
  }
}
