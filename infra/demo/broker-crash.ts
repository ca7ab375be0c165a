import { setTimeout as delay } from 'node:timers/promises';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { schemas } from '../audit/schemas.ts';

/** Until a local transaction has been caught; one is begun every few milliseconds. */
const catchTimeoutMs = 10_000;
/** For the other customers' to join it. */
const joinMs = 150;

/** Kills the broker with SIGKILL. Resolves when it is gone, with the way to start it again. */
export type KillBroker = () => Promise<() => Promise<void>>;

/** Kills the broker, has something done without it, and starts it again. Returns what was done. */
export async function withoutBroker<T>(kill: KillBroker, work: () => Promise<T>): Promise<T> {
  const startAgain = await kill();
  try {
    return await work();
  } finally {
    await startAgain();
  }
}

/**
 * The same at the worst moment: when the broker has half messages whose local transactions are under way.
 *
 * The moment is made by holding the table that every local transaction writes first. When the broker is gone the table is
 * let go: the transactions commit, and nobody can be told. The broker must ask when it is back.
 */
export async function withoutBrokerInTheMiddle<T>(
  kill: KillBroker,
  databaseUrl: string,
  work: () => Promise<T>,
): Promise<T> {
  const connection = await createConnection({ uri: databaseUrl });
  try {
    await connection.query(`LOCK TABLES ${schemas.order}.message_transactions WRITE`);
    const working = work();
    // Awaited below; until then a failure must not count as unhandled.
    working.catch(() => undefined);
    const caughtCount = await caughtTransactions(connection);
    const startAgain = await kill();
    console.log(
      `    broker killed with ${caughtCount} transaction(s) between half message and commit`,
    );
    await connection.query('UNLOCK TABLES');
    try {
      return await working;
    } finally {
      await startAgain();
    }
  } finally {
    await connection.end();
  }
}

/** Waits until local transactions are held up at the table, and returns how many. */
async function caughtTransactions(connection: Connection): Promise<number> {
  const deadline = performance.now() + catchTimeoutMs;
  while ((await waitingCount(connection)) === 0) {
    if (performance.now() > deadline) {
      throw new Error(`no local transaction has begun within ${catchTimeoutMs / 1_000} s`);
    }
    await delay(10);
  }
  await delay(joinMs);
  return waitingCount(connection);
}

async function waitingCount(connection: Connection): Promise<number> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS count FROM information_schema.processlist
      WHERE db = ? AND state LIKE 'Waiting for table%'`,
    [schemas.order],
  );
  return Number(rows[0]?.['count']);
}
