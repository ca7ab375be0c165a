import { DomainError } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import type { CopyDatabase } from '../copy/copy-database.ts';
import type { CopyFloor } from '../copy/copy-floor.ts';
import { DELETED_COLUMN, VERSION_COLUMN, type CopyTables } from '../copy/copy-tables.ts';
import type { CopyWriter } from '../copy/copy-writer.ts';
import { versionOf } from '../copy/row-version.ts';
import { quoted } from '../copy/statements.ts';
import type { DatabaseAddress } from '../database-address.ts';
import type { Follower } from '../follower/follower.ts';
import type { SnapshotBook, SnapshotEntry } from './snapshot-book.ts';
import { SourceSnapshot } from './source-snapshot.ts';

/** Rows that are looked through in one statement for those that are gone. */
const SWEPT_ROW_COUNT = 20_000;

/** What a snapshot needs of the stream of changes. */
export type SnapshotStream = Pick<Follower, 'begun' | 'beginAtEnd' | 'status'>;

export interface SnapshotSettings {
  readonly source: DatabaseAddress;
  readonly tables: readonly string[];
  readonly pageRowCount: number;
}

/**
 * Brings the source as it is at one moment into the copy, while changes go on being applied there.
 *
 * Each row is written with the binlog position of that moment as its version. A change from before it finds the row newer
 * and does nothing, one from after it is newer, whichever comes first; so there is neither a gap nor a step back, as long as
 * the stream begins before that moment. Rows of the copy that the source did not have then are marked as gone. A try that
 * fails half-way leaves what it has written, which is right, and the next one shows a later moment.
 */
export class TakeSnapshot {
  readonly #settings: SnapshotSettings;
  readonly #stream: SnapshotStream;
  readonly #book: SnapshotBook;
  readonly #copy: CopyDatabase;
  readonly #floor: CopyFloor;
  readonly #tables: CopyTables;
  readonly #writer: CopyWriter;
  readonly #log: Log;

  constructor(parts: {
    settings: SnapshotSettings;
    stream: SnapshotStream;
    book: SnapshotBook;
    copy: CopyDatabase;
    floor: CopyFloor;
    tables: CopyTables;
    writer: CopyWriter;
    log: Log;
  }) {
    this.#settings = parts.settings;
    this.#stream = parts.stream;
    this.#book = parts.book;
    this.#copy = parts.copy;
    this.#floor = parts.floor;
    this.#tables = parts.tables;
    this.#writer = parts.writer;
    this.#log = parts.log;
  }

  /**
   * Waits until it is known where the stream begins. One that has stopped begins anew at the end of the binlog, if the
   * snapshot is meant to be its way out: what it could not tell is in there.
   *
   * Errors: those of SourceSnapshot and CopyDatabase; SNAPSHOT.BEHIND_COPY; the signal's reason.
   */
  async execute({ snapshotId, beginsAnew }: SnapshotEntry, signal: AbortSignal): Promise<void> {
    const isStopped = this.#stream.status().state === 'STOPPED';
    await orAborted(
      isStopped && beginsAnew ? this.#stream.beginAtEnd() : this.#stream.begun(),
      signal,
    );
    // Another process may have taken it meanwhile.
    if (!(await this.#book.isOpen(snapshotId))) return;
    // Before the snapshot: what is applied while it is being taken may be newer than it.
    const newest = await this.#newestApplied();
    await using snapshot = await SourceSnapshot.take(this.#settings.source);
    const { position } = snapshot;
    const version = versionOf(position);
    this.#assertNotBehind(version, newest);
    await this.#book.begun(snapshotId, position);
    let rowCount = 0;
    for (const table of this.#settings.tables) {
      for await (const rows of snapshot.pages(table, this.#settings.pageRowCount)) {
        signal.throwIfAborted();
        await this.#writer.write(
          rows.map((values) => ({ table, values, version, isDeleted: false })),
        );
        rowCount += rows.length;
      }
    }
    await this.#floor.raise(version);
    for (const table of this.#settings.tables) await this.#markGone(table, version, signal);
    await this.#book.done(snapshotId, rowCount);
    this.#log.info('snapshot taken', { snapshotId, rowCount, ...position });
  }

  /** All that the source had is as new as the snapshot now, or newer. In pages, for no statement may take long. */
  async #markGone(table: string, version: string, signal: AbortSignal): Promise<void> {
    const { key } = await this.#tables.table(table);
    const first = quoted(key[0] ?? '');
    const update = `UPDATE ${quoted(table)} SET ${DELETED_COLUMN} = 1, ${VERSION_COLUMN} = ? WHERE ${VERSION_COLUMN} < ? AND ${DELETED_COLUMN} = 0`;
    for (let from: unknown; ;) {
      signal.throwIfAborted();
      const behind =
        from === undefined ? { sql: 'TRUE', values: [] } : { sql: `${first} > ?`, values: [from] };
      const [edge] = await this.#copy.query(
        `SELECT ${first} AS edge FROM ${quoted(table)} WHERE ${behind.sql} ORDER BY ${first} LIMIT 1 OFFSET ?`,
        [...behind.values, SWEPT_ROW_COUNT - 1],
      );
      const to = edge?.['edge'];
      const upTo =
        to === undefined ? { sql: 'TRUE', values: [] } : { sql: `${first} <= ?`, values: [to] };
      const values = [version, version, ...behind.values, ...upTo.values];
      // In a transaction, of which a deadlock is the end of one try.
      await this.#copy.transaction((statements) =>
        statements.query(`${update} AND ${behind.sql} AND ${upTo.sql}`, values),
      );
      if (to === undefined) return;
      from = to;
    }
  }

  /** A binlog only grows. One that has begun again (RESET MASTER, another server) would have all its changes ignored as old. */
  #assertNotBehind(version: string, newest: string): void {
    if (newest <= version) return;
    throw new DomainError(
      'SNAPSHOT.BEHIND_COPY',
      'conflict',
      `the source is at ${version} of its binlog, the copy has changes up to ${newest}: the binlog has begun again. ` +
        `Stop the service, drop the schema ${this.#copy.schema} and delete the topic's messages, then the copy is made anew`,
    );
  }

  /** An empty text while nothing was applied, which is less than any version. */
  async #newestApplied(): Promise<string> {
    const [row] = await this.#copy.query('SELECT MAX(version) AS version FROM _progress');
    return String(row?.['version'] ?? '');
  }
}

async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
