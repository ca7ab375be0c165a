import type { QueryRunner } from 'typeorm';

/**
 * Creates the table of `InboxMessage`, for the first migration of a service that consumes.
 *
 * Migrations that have run are history: a change of the table is a function and a migration of its own.
 */
export async function createInboxTable(runner: QueryRunner): Promise<void> {
  await runner.query(`
      CREATE TABLE IF NOT EXISTS inbox_messages (
        consumer_group VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        event_id       VARCHAR(128) COLLATE utf8mb4_nopad_bin NOT NULL,
        message_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        handled_at     DATETIME(3) NOT NULL,
        PRIMARY KEY (consumer_group, event_id)
      ) ENGINE = InnoDB`);
}
