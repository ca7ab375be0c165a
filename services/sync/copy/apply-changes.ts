import type { Clock } from '../../common/clock.ts';
import type { RowChange } from '../../contracts/order-binlog.ts';
import type { CopyFloor } from './copy-floor.ts';
import type { CopyTables } from './copy-tables.ts';
import type { CopyWriter } from './copy-writer.ts';
import { statesOf, type RowState } from './row-state.ts';
import { versionOf } from './row-version.ts';
import type { Statements } from './statements.ts';

/** A snapshot was finished between the look at the floor and the transaction. */
class FloorRaised extends Error {
  override readonly name = 'FloorRaised';
}

/** Brings changes of one queue, in its order, into the copy, in one transaction with how far that queue has got. */
export class ApplyChanges {
  readonly #tables: CopyTables;
  readonly #writer: CopyWriter;
  readonly #floor: CopyFloor;
  readonly #clock: Clock;

  constructor(parts: { tables: CopyTables; writer: CopyWriter; floor: CopyFloor; clock: Clock }) {
    this.#tables = parts.tables;
    this.#writer = parts.writer;
    this.#floor = parts.floor;
    this.#clock = parts.clock;
  }

  /** May be done again. `queue` names it among all queues. Errors: those of CopyWriter; nothing is changed then. */
  async execute(queue: string, changes: readonly RowChange[]): Promise<void> {
    const last = changes.at(-1);
    if (last === undefined) return;
    for (;;) {
      try {
        return await this.#apply(queue, changes, last);
      } catch (error) {
        if (!(error instanceof FloorRaised)) throw error;
      }
    }
  }

  async #apply(queue: string, changes: readonly RowChange[], last: RowChange): Promise<void> {
    const floor = await this.#floor.version();
    const states: RowState[] = [];
    for (const change of changes) {
      if (versionOf(change.position) < floor) continue;
      const { key } = await this.#tables.table(change.table);
      states.push(...statesOf(change, key));
    }
    await this.#writer.write(states, async (statements) => {
      if (!(await this.#floor.hold(statements, floor))) throw new FloorRaised();
      await this.#note(statements, queue, last);
    });
  }

  async #note(
    statements: Statements,
    queue: string,
    { position, committedAt }: RowChange,
  ): Promise<void> {
    await statements.query(
      `INSERT INTO _progress (queue, version, committed_at, applied_at) VALUES (?)
         ON DUPLICATE KEY UPDATE version = VALUES(version), committed_at = VALUES(committed_at), applied_at = VALUES(applied_at)`,
      [[queue, versionOf(position), new Date(committedAt), this.#clock.now()]],
    );
  }
}
