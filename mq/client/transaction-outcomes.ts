import type { LocalTransactionState } from './transaction-state.ts';

export type SettledState = Exclude<LocalTransactionState, 'UNKNOW'>;

/**
 * What this client knows of its transactions, by msgId, so that it never tells two different outcomes of one.
 *
 * While a transaction runs here, nothing else may decide it: the database that a check reads does not show yet what is
 * about to be committed. Once decided, the decision is repeated to whoever asks; the latest `limit` are remembered,
 * which is what a broker may still ask after a lost END_TRANSACTION.
 */
export class TransactionOutcomes {
  readonly #running = new Set<string>();
  /** Oldest first. */
  readonly #settled = new Map<string, SettledState>();
  readonly #limit: number;

  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  begin(msgId: string): void {
    this.#running.add(msgId);
  }

  /** UNKNOW leaves the decision to later checks. The first decision stands. */
  settle(msgId: string, state: LocalTransactionState): void {
    this.#running.delete(msgId);
    if (state === 'UNKNOW' || this.#settled.has(msgId)) return;
    this.#settled.set(msgId, state);
    if (this.#settled.size <= this.#limit) return;
    const [oldest] = this.#settled.keys();
    this.#settled.delete(oldest!);
  }

  /** undefined: neither running here nor remembered. */
  of(msgId: string): 'running' | SettledState | undefined {
    return this.#running.has(msgId) ? 'running' : this.#settled.get(msgId);
  }
}
