/** What became of a half message. DISCARDED: given up after too many checks, and with an operator now. */
export type Outcome = 'COMMITTED' | 'ROLLED_BACK' | 'DISCARDED';
export type Decision = 'COMMIT' | 'ROLLBACK';

/** The newest half message of a transaction whose outcome is open. No body: there may be a million of them. */
export interface Half {
  /** Of the transaction: the queueOffset of its first half message. Putting it again does not change it. */
  readonly id: number;
  readonly queueOffset: number;
  readonly commitLogOffset: number;
  readonly producerGroup: string;
  /** Checks that were handed to a producer. */
  readonly checkCount: number;
  /** The next check is not before, on the monotonic clock. */
  readonly dueAtMs: number;
}

/** What to do about a producer's decision. */
export type EndStep =
  /** Nobody has decided yet: it is taken for this one, which `settled` or `released` has to follow. */
  | { readonly do: 'settle'; readonly half: Half; readonly outcome: Outcome }
  /** It has this outcome already. */
  | { readonly do: 'answer'; readonly outcome: Outcome }
  /** Something else is being done about it; ask again afterwards. */
  | { readonly do: 'wait' }
  /** It is not open, and what became of it is no longer remembered. */
  | { readonly do: 'refuse' };

/** What to do about a half message that is due. 'check' and 'discard' take it, as 'settle' does. */
export type CheckStep = 'check' | 'discard' | 'leave';

/** Where a restart would have to begin to read, in both queues. */
export interface Progress {
  readonly half: number;
  readonly op: number;
}

export interface TransactionTableOptions {
  readonly maxChecks: number;
  /** Outcomes remembered, for producers that ask twice. */
  readonly maxRecent: number;
}

const outcomeOf: Record<Decision, Outcome> = { COMMIT: 'COMMITTED', ROLLBACK: 'ROLLED_BACK' };

/**
 * The transactions whose outcome is open, and the latest that were settled: a pure state machine, without files or
 * clock. Who takes a transaction has it alone until `settled`, `moved` or `released`; that is what makes races end in
 * one outcome.
 */
export class TransactionTable {
  readonly #options: TransactionTableOptions;
  readonly #open = new Map<number, Half>();
  readonly #taken = new Set<number>();
  /** Oldest first. */
  readonly #recent = new Map<number, Outcome>();
  /** Op messages a restart may need: pairs of their own queueOffset and that of the half message they end. */
  #ops: number[] = [];
  #opsFrom = 0;
  #opEnd = 0;

  constructor(options: TransactionTableOptions) {
    this.#options = options;
  }

  get openCount(): number {
    return this.#open.size;
  }

  get recentCount(): number {
    return this.#recent.size;
  }

  halves(): Iterable<Half> {
    return this.#open.values();
  }

  get(id: number): Half | undefined {
    return this.#open.get(id);
  }

  isTaken(id: number): boolean {
    return this.#taken.has(id);
  }

  /** A half message was stored: of a new transaction, or of one that an operator resumes. */
  add(half: Half): void {
    this.#open.set(half.id, half);
    this.#recent.delete(half.id);
  }

  /** A producer decides. */
  end(id: number, decision: Decision): EndStep {
    if (this.#taken.has(id)) return { do: 'wait' };
    const half = this.#open.get(id);
    if (half !== undefined) {
      this.#taken.add(id);
      return { do: 'settle', half, outcome: outcomeOf[decision] };
    }
    const outcome = this.#recent.get(id);
    return outcome === undefined ? { do: 'refuse' } : { do: 'answer', outcome };
  }

  /** One that is due. `isReachable`: a producer of its group can be asked. */
  check(half: Half, nowMs: number, isReachable: boolean): CheckStep {
    if (this.#open.get(half.id) !== half || this.#taken.has(half.id)) return 'leave';
    if (half.dueAtMs > nowMs) return 'leave';
    const step = half.checkCount >= this.#options.maxChecks ? 'discard' : 'check';
    if (step === 'check' && !isReachable) return 'leave';
    this.#taken.add(half.id);
    return step;
  }

  /** Takes a half message that is to be put again for another reason than a check. */
  take(half: Half): boolean {
    if (this.#open.get(half.id) !== half || this.#taken.has(half.id)) return false;
    this.#taken.add(half.id);
    return true;
  }

  /** The outcome of a taken transaction is stored. */
  settled(id: number, outcome: Outcome): void {
    this.#open.delete(id);
    this.#taken.delete(id);
    this.remember(id, outcome);
  }

  /** A taken half message was put again, or its count has changed in memory only. */
  moved(half: Half): void {
    this.#open.set(half.id, half);
    this.#taken.delete(half.id);
  }

  /** Nothing came of it; the transaction is as open as before. */
  released(id: number): void {
    this.#taken.delete(id);
  }

  remember(id: number, outcome: Outcome): void {
    this.#recent.delete(id);
    this.#recent.set(id, outcome);
    if (this.#recent.size <= this.#options.maxRecent) return;
    for (const oldest of this.#recent.keys()) {
      this.#recent.delete(oldest);
      return;
    }
  }

  /** An op message that ends the half message at `halfOffset` is stored at `opOffset`. */
  noteOp(opOffset: number, halfOffset: number): void {
    this.#ops.push(opOffset, halfOffset);
    this.#opEnd = Math.max(this.#opEnd, opOffset + 1);
  }

  /**
   * Half messages from `half` on may be open, and op messages from `op` on may end one of those.
   *
   * `halfEnd` is where the next half message goes.
   */
  progress(halfEnd: number): Progress {
    let half = halfEnd;
    for (const { queueOffset } of this.#open.values()) half = Math.min(half, queueOffset);
    while (this.#opsFrom < this.#ops.length && this.#ops[this.#opsFrom + 1]! < half) {
      this.#opsFrom += 2;
    }
    if (this.#opsFrom > this.#ops.length / 2) {
      this.#ops = this.#ops.slice(this.#opsFrom);
      this.#opsFrom = 0;
    }
    return { half, op: this.#ops[this.#opsFrom] ?? this.#opEnd };
  }

  /**
   * Open half messages that lie so far back that what was settled behind them costs more than putting them again: it
   * has to be kept, and read at a restart, for as long as they are where they are; and all below `oldBelow`.
   */
  laggards(halfEnd: number, minSpan: number, oldBelow = 0): Half[] {
    const limit = Math.max(halfEnd - Math.max(minSpan, 5 * this.#open.size), oldBelow);
    if (limit <= 0) return [];
    const laggards: Half[] = [];
    for (const half of this.#open.values()) if (half.queueOffset < limit) laggards.push(half);
    return laggards;
  }
}
