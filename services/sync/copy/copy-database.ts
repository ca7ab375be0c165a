import type { OnApplicationShutdown } from '@nestjs/common';
import { createConnection, createPool, type Pool } from 'mysql2/promise';
import { isDeadlock } from '../../common/database-errors.ts';
import { DomainError } from '../../common/errors.ts';
import type { DatabaseAddress } from '../database-address.ts';
import { createCopyBooks } from './copy-books.ts';
import {
  isAway,
  isGone,
  quoted,
  SESSION_SETTINGS,
  statementsOf,
  valuesAsTheyAre,
  type Row,
  type Statements,
} from './statements.ts';

const MAX_ATTEMPTS = 10;

/**
 * The second database, with what is copied. Its schema and books are made when it is first used, and not when the service
 * starts: it may be away then, which stops the copying and nothing else.
 *
 * Errors: COPY.UNAVAILABLE when it cannot be reached or does not answer in time; else the database's.
 */
export class CopyDatabase implements Statements, OnApplicationShutdown {
  readonly #address: DatabaseAddress;
  readonly #timeoutMs: number;
  readonly #pool: Pool;
  #prepared: Promise<void> | undefined;

  constructor(parts: { address: DatabaseAddress; poolSize: number; statementTimeoutMs: number }) {
    this.#address = parts.address;
    this.#timeoutMs = parts.statementTimeoutMs;
    const { schema: database, ...server } = parts.address;
    this.#pool = createPool({
      ...server,
      ...valuesAsTheyAre,
      database,
      connectionLimit: parts.poolSize,
    });
    this.#pool.pool.on('connection', (connection) => {
      connection.query(SESSION_SETTINGS, (error) => {
        // Whoever was to have the connection hears of it at his first statement.
        if (error !== null) connection.destroy();
      });
    });
  }

  get schema(): string {
    return this.#address.schema;
  }

  query(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#connected((statements) => statements.query(sql, values));
  }

  /** `work` may run several times: the victim of a deadlock is run again. */
  async transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#connected(async (statements) => {
          await statements.query('START TRANSACTION');
          const result = await work(statements);
          await statements.query('COMMIT');
          return result;
        });
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !isDeadlock(error)) throw error;
      }
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#pool.end();
  }

  async #connected<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    try {
      await this.#prepare();
      const connection = await this.#pool.getConnection();
      try {
        const result = await work(statementsOf(connection, this.#timeoutMs));
        connection.release();
        return result;
      } catch (error) {
        // A transaction ends with its connection; to roll it back might take as long as what has just failed.
        connection.destroy();
        throw error;
      }
    } catch (cause) {
      // Dropped meanwhile, it is made anew at the next use, and begins with a snapshot.
      if (isGone(cause)) this.#prepared = undefined;
      if (!isAway(cause) || isDeadlock(cause)) throw cause;
      const text = 'the database with the copy cannot answer just now';
      throw new DomainError('COPY.UNAVAILABLE', 'unavailable', text, { cause });
    }
  }

  async #prepare(): Promise<void> {
    this.#prepared ??= prepare(this.#address, this.#timeoutMs);
    try {
      await this.#prepared;
    } catch (error) {
      this.#prepared = undefined;
      throw error;
    }
  }
}

async function prepare(address: DatabaseAddress, timeoutMs: number): Promise<void> {
  const { schema, ...server } = address;
  const connection = await createConnection({ ...server, ...valuesAsTheyAre });
  // The statement that runs fails with the connection, and tells.
  connection.on('error', () => undefined);
  try {
    const statements = statementsOf(connection, timeoutMs);
    const found = await statements.query(
      'SELECT 1 FROM information_schema.schemata WHERE schema_name = ?',
      [schema],
    );
    // Looked for first, so that an account without the CREATE privilege can use a schema made for it.
    if (found.length === 0) {
      await statements.query(
        `CREATE DATABASE IF NOT EXISTS ${quoted(schema)} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`,
      );
    }
    await statements.query(`USE ${quoted(schema)}`);
    await createCopyBooks(statements);
  } finally {
    connection.destroy();
  }
}
