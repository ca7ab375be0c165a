import { createPool, type Pool } from 'mysql2/promise';
import { SYNCHRONOUS_SCHEMA } from './schema.ts';

/** READ COMMITTED, as the services: after losing to a unique key a transaction must see the winner's row. */
export function createSynchronousPool(databaseUrl: string, connectionLimit: number): Pool {
  const url = new URL(databaseUrl);
  url.pathname = `/${SYNCHRONOUS_SCHEMA}`;
  const pool = createPool({ uri: url.href, timezone: 'Z', connectionLimit });
  pool.pool.on('connection', (connection) => {
    connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  });
  return pool;
}
