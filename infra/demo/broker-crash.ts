import { setTimeout as delay } from 'node:timers/promises';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { schemas } from '../audit.ts';
import type { OwnBroker } from './topology.ts';

/** The broker dies when so many orders are placed, and is started again when so many requests were refused. */
const killAtOrder = 8;
const restartAtRefusal = 6;
/** Until a local transaction has been caught; one is begun every few milliseconds. */
const catchTimeoutMs = 10_000;
/** For the other buyers' to join it. */
const joinMs = 150;

/**
 * Kills the broker at the worst moment: when it has half messages whose local transactions are under way, and starts it
 * again once buyers have been refused.
 *
 * The moment is made by holding the table that every local transaction writes first. When the broker is gone the table is
 * let go: the transactions commit, and nobody can be told. The broker must ask when it is back.
 */
export class BrokerCrash {
  readonly #broker: OwnBroker;
  readonly #databaseUrl: string;
  #refusedCount = 0;
  #held: Promise<Connection> | undefined;
  #killed: Promise<void> | undefined;
  #isDown = false;
  #restarted: Promise<void> | undefined;

  constructor(broker: OwnBroker, databaseUrl: string) {
    this.#broker = broker;
    this.#databaseUrl = databaseUrl;
  }

  /** Keeps buyers until the table is held: were they quicker, no transaction would be left to be caught. */
  async onPlaced(count: number): Promise<void> {
    if (count < killAtOrder) return;
    if (this.#held === undefined) {
      this.#held = this.#hold();
      this.#killed = this.#kill(this.#held);
      // Awaited by `isOver` later; until then a failure must not count as unhandled.
      this.#killed.catch(() => undefined);
    }
    await this.#held;
  }

  onRefused(): void {
    if (!this.#isDown) return;
    this.#refusedCount += 1;
    if (this.#refusedCount < restartAtRefusal || this.#restarted !== undefined) return;
    this.#restarted = this.#restart();
    this.#restarted.catch(() => undefined);
  }

  /** Resolves when the broker is back. Errors: that it was never killed, or could not be started again. */
  async isOver(): Promise<void> {
    await this.#killed;
    if (this.#restarted === undefined) throw new Error('the broker was not killed and restarted');
    await this.#restarted;
  }

  async #hold(): Promise<Connection> {
    const connection = await createConnection({ uri: this.#databaseUrl });
    try {
      await connection.query(`LOCK TABLES ${schemas.order}.message_transactions WRITE`);
      return connection;
    } catch (error) {
      await connection.end();
      throw error;
    }
  }

  async #kill(held: Promise<Connection>): Promise<void> {
    const connection = await held;
    try {
      const caughtCount = await caughtTransactions(connection);
      await this.#broker.kill();
      this.#isDown = true;
      console.log(
        `    broker killed with SIGKILL, ${caughtCount} transaction(s) between half message and commit`,
      );
      await connection.query('UNLOCK TABLES');
    } finally {
      await connection.end();
    }
  }

  async #restart(): Promise<void> {
    await this.#broker.start();
    console.log(
      `    broker started again after ${this.#refusedCount} requests were refused with 503; their buyers try again`,
    );
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
