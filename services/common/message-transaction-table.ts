import type { QueryRunner } from 'typeorm';

/**
 * Creates the table of `MessageTransaction`, for a migration of a service that sends half messages.
 *
 * Migrations that have run are history: a change of the table is a function and a migration of its own.
 */
export async function createMessageTransactionTable(runner: QueryRunner): Promise<void> {
  await runner.query(`
      CREATE TABLE IF NOT EXISTS message_transactions (
        transaction_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        outcome         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        created_at      DATETIME(3) NOT NULL
      ) ENGINE = InnoDB`);
}
