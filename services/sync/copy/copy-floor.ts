import type { CopyDatabase } from './copy-database.ts';
import type { Statements } from './statements.ts';

/**
 * The version of the last snapshot that is whole. A change from before it is in it, or has been undone before it, also
 * when what undid it was never told: such a change is not applied any more.
 *
 * Errors: those of CopyDatabase.
 */
export class CopyFloor {
  readonly #copy: CopyDatabase;

  constructor(copy: CopyDatabase) {
    this.#copy = copy;
  }

  /** An empty text before there was a snapshot, which is less than any version. */
  version(): Promise<string> {
    return readFloor(this.#copy, '');
  }

  /** Nobody writes below it any more when this returns: it waits for whoever holds the floor, and is held by nobody later. */
  async raise(version: string): Promise<void> {
    await this.#copy.query('UPDATE _floor SET version = ? WHERE id = 1 AND version < ?', [
      version,
      version,
    ]);
  }

  /** In the transaction that applies changes: keeps the floor where it is until its end. False when it is elsewhere by now. */
  async hold(statements: Statements, version: string): Promise<boolean> {
    return (await readFloor(statements, ' LOCK IN SHARE MODE')) === version;
  }
}

async function readFloor(statements: Statements, lock: string): Promise<string> {
  const [row] = await statements.query(`SELECT version FROM _floor WHERE id = 1${lock}`);
  return String(row?.['version'] ?? '');
}
