import { DataSource, type MigrationInterface } from 'typeorm';
import { createConnection } from 'mysql2/promise';
import { prepareConnections } from '../../../services/common/database.module.ts';
import { dropSchema, newSchema } from './shop.ts';

/** A schema with a service's tables and nothing running on it. */
export class Tables implements AsyncDisposable {
  readonly dataSource: DataSource;
  readonly schema: string;

  private constructor(schema: string, dataSource: DataSource) {
    this.schema = schema;
    this.dataSource = dataSource;
  }

  static async create(
    entities: (new () => object)[],
    migrations: (new () => MigrationInterface)[],
  ): Promise<Tables> {
    const schema = newSchema();
    const url = process.env['DATABASE_URL'] ?? '';
    const connection = await createConnection(url);
    await connection.query(`CREATE DATABASE ${schema} CHARACTER SET utf8mb4`);
    await connection.end();
    const dataSource = await new DataSource({
      type: 'mariadb',
      url: new URL(schema, url).href,
      timezone: 'Z',
      poolSize: 20,
      entities,
      migrations,
      migrationsTransactionMode: 'none',
    }).initialize();
    await prepareConnections(dataSource, 120_000);
    await dataSource.runMigrations();
    return new Tables(schema, dataSource);
  }

  /** The same tables by another way: through something that listens on this port. The caller destroys it. */
  async through(port: number): Promise<DataSource> {
    const url = new URL(this.schema, process.env['DATABASE_URL']);
    url.hostname = '127.0.0.1';
    url.port = String(port);
    const { entities } = this.dataSource.options;
    const dataSource = await new DataSource({
      type: 'mariadb',
      url: url.href,
      timezone: 'Z',
      poolSize: 2,
      entities: entities ?? [],
    }).initialize();
    await prepareConnections(dataSource, 120_000);
    return dataSource;
  }

  async count(table: string, where = '1 = 1'): Promise<number> {
    const [row]: { count: string }[] = await this.dataSource.query(
      `SELECT COUNT(*) AS count FROM ${table} WHERE ${where}`,
    );
    return Number(row?.count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dataSource.destroy();
    await dropSchema(this.schema);
  }
}
