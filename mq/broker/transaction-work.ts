import type { TransactionTable } from './transaction-table.ts';

/** What is being done about transactions that were taken out of the table: one thing at a time about each. */
export class TransactionWork {
  readonly #table: TransactionTable;
  /** By the id of the transaction; they never reject. */
  readonly #underWay = new Map<number, Promise<void>>();

  constructor(table: TransactionTable) {
    this.#table = table;
  }

  /** Resolves when what is being done about that transaction has ended, well or not. */
  async over(id: number): Promise<void> {
    await this.#underWay.get(id);
  }

  /** Resolves when nothing is being done. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
  }

  /** Keeps a taken transaction from being touched by anybody else until the work is done; gives it back if it fails. */
  async run(id: number, work: Promise<void>): Promise<void> {
    const done = work.catch((cause: unknown) => {
      this.#table.released(id);
      throw cause;
    });
    const ended = (): void => {
      this.#underWay.delete(id);
    };
    this.#underWay.set(id, done.then(ended, ended));
    await done;
  }
}
