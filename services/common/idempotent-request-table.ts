import type { QueryRunner } from 'typeorm';

/**
 * Creates the table of `IdempotentRequest`, for a migration of a service whose requests carry an Idempotency-Key.
 *
 * Migrations that have run are history: a change of the table is a function and a migration of its own.
 */
export async function createIdempotentRequestTable(runner: QueryRunner): Promise<void> {
  await runner.query(`
      CREATE TABLE IF NOT EXISTS idempotent_requests (
        operation           VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        idempotency_key     VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        request_fingerprint CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        resource_no         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        created_at          DATETIME(3) NOT NULL,
        PRIMARY KEY (operation, idempotency_key)
      ) ENGINE = InnoDB`);
}
