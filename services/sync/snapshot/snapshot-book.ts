import type { Clock } from '../../common/clock.ts';
import type { BinlogPosition } from '../../contracts/order-binlog.ts';
import type { CopyDatabase } from '../copy/copy-database.ts';
import type { Row } from '../copy/statements.ts';

/** REQUESTED: it waits, or it runs. */
export type SnapshotState = 'REQUESTED' | 'DONE';

export interface SnapshotEntry {
  readonly snapshotId: number;
  readonly state: SnapshotState;
  readonly reason: string;
  readonly requestedAt: string;
  readonly finishedAt: string | undefined;
  /** Of the moment it shows. Undefined before it was first begun. */
  readonly position: BinlogPosition | undefined;
  readonly rowCount: number;
  /** It is also the way out for a stream that has stopped. */
  readonly beginsAnew: boolean;
  /** Why it is not done, when a try has failed. */
  readonly problem: string | undefined;
}

/** Which snapshots there were, and which one is to be made. Kept beside the copy. Errors: those of CopyDatabase. */
export class SnapshotBook {
  readonly #copy: CopyDatabase;
  readonly #clock: Clock;

  constructor(copy: CopyDatabase, clock: Clock) {
    this.#copy = copy;
    this.#clock = clock;
  }

  /** One that waits is as good as a new one, unless it shows a moment already that is past. */
  async request(reason: string, { beginsAnew }: { beginsAnew: boolean }): Promise<SnapshotEntry> {
    await this.#copy.query(
      `INSERT INTO _snapshots (state, reason, requested_at, begins_anew)
         SELECT 'REQUESTED', ?, ?, ? FROM DUAL
          WHERE NOT EXISTS (SELECT 1 FROM _snapshots WHERE state = 'REQUESTED' AND binlog_file IS NULL AND begins_anew >= ?)`,
      [reason.slice(0, 500), this.#clock.now(), beginsAnew, beginsAnew],
    );
    const [row] = await this.#copy.query(
      `SELECT * FROM _snapshots WHERE state = 'REQUESTED' ORDER BY id DESC LIMIT 1`,
    );
    if (row === undefined) throw new Error('the snapshot that was just requested is not there');
    return entryOf(row);
  }

  async isEmpty(): Promise<boolean> {
    const rows = await this.#copy.query('SELECT 1 FROM _snapshots LIMIT 1');
    return rows.length === 0;
  }

  /** The oldest that is not done. */
  async next(): Promise<SnapshotEntry | undefined> {
    const [row] = await this.#copy.query(
      `SELECT * FROM _snapshots WHERE state = 'REQUESTED' ORDER BY id LIMIT 1`,
    );
    return row === undefined ? undefined : entryOf(row);
  }

  async isOpen(snapshotId: number): Promise<boolean> {
    const rows = await this.#copy.query(
      `SELECT 1 FROM _snapshots WHERE id = ? AND state = 'REQUESTED'`,
      [snapshotId],
    );
    return rows.length > 0;
  }

  async openCount(): Promise<number> {
    const [row] = await this.#copy.query(
      `SELECT COUNT(*) AS count FROM _snapshots WHERE state = 'REQUESTED'`,
    );
    return Number(row?.['count']);
  }

  /** Newest first. */
  async list(count: number): Promise<SnapshotEntry[]> {
    const rows = await this.#copy.query('SELECT * FROM _snapshots ORDER BY id DESC LIMIT ?', [
      count,
    ]);
    return rows.map(entryOf);
  }

  async begun(snapshotId: number, { file, offset }: BinlogPosition): Promise<void> {
    await this.#copy.query(
      'UPDATE _snapshots SET binlog_file = ?, binlog_offset = ?, row_count = 0 WHERE id = ?',
      [file, offset, snapshotId],
    );
  }

  async failed(snapshotId: number, problem: string): Promise<void> {
    // Begun anew it shows another moment.
    await this.#copy.query(
      'UPDATE _snapshots SET binlog_file = NULL, binlog_offset = NULL, problem = ? WHERE id = ?',
      [problem.slice(0, 1_000), snapshotId],
    );
  }

  async done(snapshotId: number, rowCount: number): Promise<void> {
    await this.#copy.query(
      `UPDATE _snapshots SET state = 'DONE', row_count = ?, problem = NULL, finished_at = ? WHERE id = ?`,
      [rowCount, this.#clock.now(), snapshotId],
    );
  }
}

function entryOf(row: Row): SnapshotEntry {
  const file = row['binlog_file'];
  const problem = row['problem'];
  const finishedAt = row['finished_at'];
  return {
    snapshotId: Number(row['id']),
    state: String(row['state']) as SnapshotState,
    reason: String(row['reason']),
    requestedAt: timeOf(row['requested_at']),
    finishedAt: finishedAt === null ? undefined : timeOf(finishedAt),
    position:
      file === null
        ? undefined
        : { file: String(file), offset: Number(row['binlog_offset']), row: 0 },
    rowCount: Number(row['row_count']),
    beginsAnew: Number(row['begins_anew']) === 1,
    problem: problem === null ? undefined : String(problem),
  };
}

/** `2026-11-30 08:15:00.250` of a DATETIME in UTC. */
function timeOf(text: unknown): string {
  return `${String(text).replace(' ', 'T')}Z`;
}
