import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { copySchema, followedSchema, schemas } from '../audit/schemas.ts';

/** What services/sync must find to follow the order database; of these, a server that was given has its own. */
const wanted = {
  log_bin: 'ON',
  binlog_format: 'ROW',
  binlog_row_image: 'FULL',
  // Names of columns in the log: a row is read with the columns that its table had when it was written.
  binlog_row_metadata: 'FULL',
} as const;

/** Nobody who comes back after so long finds the end of his copy's log: the copy is then made anew. */
const keptS = 30 * 24 * 60 * 60;

/**
 * The settings of a MariaDB of ours. The log has the rows of the order database, and of schemas that tests make: what the
 * other services write is followed by nobody, and costs neither a second fsync a commit nor space.
 *
 * Units:  `--max-binlog-size` in bytes; a file ends with the transaction that exceeds it.
 * Bounds: what is published is purged at the next start (`purgePublished`), the rest when it is 30 days old.
 */
export const binlogSettings: readonly string[] = [
  '--log-bin=binlog',
  '--server-id=1',
  `--binlog-format=${wanted.binlog_format}`,
  `--binlog-row-image=${wanted.binlog_row_image}`,
  `--binlog-row-metadata=${wanted.binlog_row_metadata}`,
  // The text of each statement beside its rows would be half of the log.
  '--binlog-annotate-row-events=OFF',
  // What is committed is in the log, too, after a power cut: the server takes back a transaction that is not.
  '--sync-binlog=1',
  '--max-binlog-size=67108864',
  `--binlog-expire-logs-seconds=${keptS}`,
  ...[...Object.values(schemas), copySchema]
    .filter((schema) => schema !== followedSchema)
    .map((schema) => `--binlog-ignore-db=${schema}`),
];

/** Undefined when a server that was given writes the log that services/sync follows, else what to set there. */
export async function binlogProblem(url: string): Promise<string | undefined> {
  const connection = await createConnection({ uri: url });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(
      'SHOW GLOBAL VARIABLES WHERE variable_name IN (?)',
      [Object.keys(wanted)],
    );
    return whatToSet(
      new Map(rows.map((row) => [String(row['Variable_name']), String(row['Value'])])),
    );
  } finally {
    await connection.end();
  }
}

/** The same of the server's variables. */
export function whatToSet(found: ReadonlyMap<string, string>): string | undefined {
  const wrong = Object.entries(wanted).filter(([name, value]) => found.get(name) !== value);
  if (wrong.length === 0) return undefined;
  const differences = wrong.map(
    ([name, value]) => `${name} is ${found.get(name) ?? 'unknown'}, it must be ${value}`,
  );
  const flags = wrong.map(([name, value]) =>
    name === 'log_bin'
      ? '--log-bin=binlog --server-id=1'
      : `--${name.replaceAll('_', '-')}=${value}`,
  );
  return (
    `services/sync cannot follow its binlog: ${differences.join('; ')}.\n` +
    `Start it with ${flags.join(' ')} (or the same lines in my.cnf), or leave the URL out and use a private one`
  );
}

/** Deletes the files of the log that services/sync has published to their end, on a server of ours that has just started. */
export async function purgePublished(url: string): Promise<void> {
  const connection = await createConnection({ uri: url });
  try {
    await purge(connection);
  } finally {
    await connection.end();
  }
}

/** The same over a connection. Without sync's tables there is no copy yet, and what there is will be copied as it is. */
export async function purge(connection: Pick<Connection, 'query'>): Promise<void> {
  const [tables] = await connection.query<RowDataPacket[]>(
    'SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?',
    [schemas.sync, 'stream_checkpoints'],
  );
  if (tables.length === 0) {
    await connection.query('PURGE BINARY LOGS BEFORE NOW()');
    return;
  }
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT MIN(binlog_file) AS file FROM ${schemas.sync}.stream_checkpoints`,
  );
  const file: unknown = rows[0]?.['file'];
  if (typeof file !== 'string') return;
  // The server refuses to purge to a file that it has not got, and of what it has got nothing is published then.
  const [logs] = await connection.query<RowDataPacket[]>('SHOW BINARY LOGS');
  if (!logs.some((log) => log['Log_name'] === file)) return;
  await connection.query('PURGE BINARY LOGS TO ?', [file]);
}
