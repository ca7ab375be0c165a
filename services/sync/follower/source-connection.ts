import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { comparePositions, type BinlogPosition } from '../../contracts/order-binlog.ts';
import { isAway } from '../copy/statements.ts';
import type { DatabaseAddress } from '../database-address.ts';
import { settingNames, settingProblems } from './source-settings.ts';
import { SourceAway, StreamFault } from './stream-fault.ts';

/** Of a statement. A source that hangs is away: the connection is given up, and the lock with it. */
const TIMEOUT_MS = 20_000;

/** What following needs of the source beside its binlog. */
export type Source = Pick<
  SourceConnection,
  'checkSettings' | 'tryLock' | 'end' | 'checkHas' | 'lookUp' | 'ping' | typeof Symbol.asyncDispose
>;

/**
 * A connection to the source for everything but its binlog. It holds the lock by which one process of many follows.
 *
 * Errors: SourceAway for as long as the source cannot be reached.
 */
export class SourceConnection implements AsyncDisposable {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
    // The statement that is under way says so, or the next one.
    connection.on('error', () => undefined);
  }

  static async open({ host, port, user, password }: DatabaseAddress): Promise<SourceConnection> {
    const options = { host, port, user, password, connectTimeout: 5_000 };
    return new SourceConnection(await orAway(createConnection(options)));
  }

  /** Errors: StreamFault SYNC.SOURCE_SETTINGS with every variable that is wrong. */
  async checkSettings(): Promise<void> {
    const rows = await this.#rows<{ Variable_name: string; Value: string }>(
      `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${settingNames.map(() => '?').join(', ')})`,
      settingNames,
    );
    const [server] = await this.#rows<{ version: string }>('SELECT VERSION() AS version', []);
    const problems = settingProblems(
      new Map(rows.map(({ Variable_name, Value }) => [Variable_name.toLowerCase(), Value])),
      server?.version ?? 'unknown',
    );
    if (problems.length === 0) return;
    throw new StreamFault(
      'SYNC.SOURCE_SETTINGS',
      `the source cannot be followed: ${problems.join('; ')}`,
    );
  }

  /** False while another connection has it. It is free again when this one ends, however it ends. */
  async tryLock(name: string): Promise<boolean> {
    const [row] = await this.#rows<{ held: number | null }>('SELECT GET_LOCK(?, 0) AS held', [
      name,
    ]);
    return row?.held === 1;
  }

  /** Where the next transaction will begin. */
  async end(): Promise<BinlogPosition> {
    const [row] = await this.#rows<{ File: string; Position: number | string }>(
      'SHOW MASTER STATUS',
      [],
    );
    if (row === undefined) {
      throw new StreamFault('SYNC.SOURCE_SETTINGS', 'the source says no binlog position');
    }
    return { file: row.File, offset: Number(row.Position), row: 0 };
  }

  /**
   * Errors: StreamFault SYNC.POSITION_LOST when the source has deleted the file, or has not come so far: it is another
   * server, or has lost its binlog.
   */
  async checkHas(position: BinlogPosition): Promise<void> {
    const files = await this.#rows<{ Log_name: string }>('SHOW BINARY LOGS', []);
    const names = files.map(({ Log_name }) => Log_name);
    if (!names.includes(position.file)) {
      throw new StreamFault(
        'SYNC.POSITION_LOST',
        `the source has no binlog ${position.file} any more, it has ${names[0]} to ${names.at(-1)}: make a new snapshot (POST /snapshots)`,
        { position },
      );
    }
    const end = await this.end();
    if (comparePositions(position, end) > 0) throw behind(end, position, 'published up to');
  }

  async lookUp(
    { schema, table, keyColumn }: { schema: string; table: string; keyColumn: string },
    orderNoColumn: string,
    key: string,
  ): Promise<string | undefined> {
    const [row] = await this.#rows<{ orderNo: string }>(
      'SELECT ?? AS orderNo FROM ??.?? WHERE ?? = ? LIMIT 1',
      [orderNoColumn, schema, table, keyColumn, key],
    );
    return row?.orderNo;
  }

  async ping(): Promise<void> {
    await this.#rows('SELECT 1', []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.destroy();
    await Promise.resolve();
  }

  async #rows<Row>(statement: string, parameters: readonly unknown[]): Promise<Row[]> {
    const [rows] = await orAway(
      this.#connection.query<RowDataPacket[]>({
        sql: statement,
        values: [...parameters],
        timeout: TIMEOUT_MS,
      }),
    );
    return rows as Row[];
  }
}

/** The source is not the one that the messages or the checkpoint tell of. */
export function behind(end: BinlogPosition, found: BinlogPosition, what: string): StreamFault {
  return new StreamFault(
    'SYNC.POSITION_LOST',
    `the source's binlog ends at ${end.file}:${end.offset}, ${what} ${found.file}:${found.offset}: ` +
      'it is another server or has lost its binlog. Stop the service, delete the topic ORDER_BINLOG, the schema of the copy and that of this service, and start anew',
    { position: found },
  );
}

async function orAway<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isAway(error)) throw error;
    throw new SourceAway(`the source is away: ${(error as Error).message}`, { cause: error });
  }
}
