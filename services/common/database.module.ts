import { createConnection, type RowDataPacket } from 'mysql2/promise';
import type { DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type DataSourceOptions, type MixedList } from 'typeorm';
import { isDatabaseUnavailable } from './database-errors.ts';
import type { DatabaseSettings } from './service-settings.ts';

type ClassList = MixedList<new () => object>;

/** Connects a service to its own schema: creates it, brings it up to date by migrations, then serves. */
export function databaseModule(
  settings: DatabaseSettings,
  tables: { entities: ClassList; migrations: ClassList },
): DynamicModule {
  return TypeOrmModule.forRootAsync({
    useFactory: () => ({
      ...dataSourceOptions(settings, tables),
      retryAttempts: 30,
      retryDelay: 1_000,
      // Started before the database is an everyday thing; a wrong password or a broken migration is not.
      toRetry: (error: unknown) => isDatabaseUnavailable(error),
    }),
    dataSourceFactory: async (options) => {
      await createSchema(settings);
      const dataSource = await new DataSource(options!).initialize();
      await prepareConnections(dataSource, settings.idleTransactionMs);
      await migrate(dataSource, settings.schema);
      return dataSource;
    },
  });
}

function dataSourceOptions(
  settings: DatabaseSettings,
  tables: { entities: ClassList; migrations: ClassList },
): DataSourceOptions {
  return {
    type: 'mariadb',
    host: settings.host,
    port: settings.port,
    username: settings.user,
    password: settings.password,
    database: settings.schema,
    charset: 'utf8mb4',
    timezone: 'Z',
    poolSize: settings.poolSize,
    connectTimeout: 5_000,
    synchronize: false,
    // A stack for each statement, in case it fails, costs more than building the statement.
    trace: false,
    // MariaDB commits at each DDL statement; the migrations are written to be run again instead.
    migrationsTransactionMode: 'none',
    entities: tables.entities,
    migrations: tables.migrations,
  };
}

/** Looks first, so that an account without the CREATE privilege can use a schema made for it. */
async function createSchema(settings: DatabaseSettings): Promise<void> {
  const connection = await createConnection({
    host: settings.host,
    port: settings.port,
    user: settings.user,
    password: settings.password,
    connectTimeout: 5_000,
  });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(
      'SELECT 1 FROM information_schema.schemata WHERE schema_name = ?',
      [settings.schema],
    );
    if (rows.length === 0) {
      // The name's pattern is checked when the settings are read; an identifier cannot be a parameter.
      await connection.query(
        `CREATE DATABASE IF NOT EXISTS \`${settings.schema}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`,
      );
    }
  } finally {
    await connection.end();
  }
}

/** The part of mysql2's pool that is used here; TypeORM does not type it. */
interface ConnectionPool {
  on(event: 'connection', listener: (connection: PooledConnection) => void): void;
}

interface PooledConnection {
  query(statement: string, done: (error: Error | null) => void): void;
  destroy(): void;
}

/**
 * Sets on each connection, once, what every transaction of this process is to have.
 *
 * READ COMMITTED: said before each transaction it would be a round trip each time; see `inTransaction` for why.
 *
 * Bounds how long a transaction of this process may do nothing. A process that hangs, or whose machine is gone without a
 * good-bye, would hold its locks until TCP notices, which can take hours: payments and closings of its orders would wait,
 * and half messages it has not decided would be given up by the broker, to be committed when it goes on.
 */
export async function prepareConnections(
  dataSource: DataSource,
  idleTransactionMs: number,
): Promise<void> {
  // MariaDB counts whole seconds.
  const idleTransactionS = Math.ceil(idleTransactionMs / 1_000);
  const statement = `SET SESSION idle_transaction_timeout = ${idleTransactionS}, SESSION tx_isolation = 'READ-COMMITTED'`;
  const { pool } = dataSource.driver as unknown as { pool: ConnectionPool };
  pool.on('connection', (connection) => {
    connection.query(statement, (error) => {
      // Whoever was to have the connection hears of it at his first statement.
      if (error !== null) connection.destroy();
    });
  });
  // The one connection that `initialize` has opened.
  await dataSource.query(statement);
}

/** One process migrates, others of the same service wait for it: TypeORM itself does not lock. */
async function migrate(dataSource: DataSource, schema: string): Promise<void> {
  const lock = `${schema}.migrations`.slice(0, 64);
  const holder = dataSource.createQueryRunner();
  try {
    const [row] = (await holder.query('SELECT GET_LOCK(?, 60) AS held', [lock])) as [
      { held: number | string | null },
    ];
    if (Number(row.held) !== 1) throw new Error(`lock ${lock} was not free within 60 s`);
    await dataSource.runMigrations();
    await holder.query('SELECT RELEASE_LOCK(?)', [lock]);
  } catch (error) {
    await dataSource.destroy();
    throw error;
  } finally {
    await holder.release();
  }
}
