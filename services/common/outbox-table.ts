import type { QueryRunner } from 'typeorm';

/**
 * Creates the tables of `OutboxMessage` and its relay, for a migration of a service that sends through an outbox.
 *
 * Migrations that have run are history: a change of the tables is a function and a migration of its own.
 */
export async function createOutboxTables(runner: QueryRunner): Promise<void> {
  // The relay reads `sent_at IS NULL` by ascending id: in InnoDB the index below is (sent_at, id).
  await runner.query(`
      CREATE TABLE IF NOT EXISTS outbox_messages (
        id          BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
        event_id    CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        topic       VARCHAR(127) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        tag         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        message_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        body        MEDIUMTEXT NOT NULL,
        created_at  DATETIME(3) NOT NULL,
        sent_at     DATETIME(3) NULL,
        message_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
        UNIQUE KEY one_row_per_event (event_id),
        KEY unsent_first (sent_at),
        KEY by_key (message_key)
      ) ENGINE = InnoDB`);
  await runner.query(`
      CREATE TABLE IF NOT EXISTS outbox_lease (
        name VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY
      ) ENGINE = InnoDB`);
  await runner.query(`INSERT IGNORE INTO outbox_lease (name) VALUES ('relay')`);
}

/** Lets messages wait for a time of their own, and finds what is unsent of one key without reading what was sent. */
export async function addOutboxDeliveryTime(runner: QueryRunner): Promise<void> {
  await runner.query(
    'ALTER TABLE outbox_messages ADD COLUMN IF NOT EXISTS deliver_at DATETIME(3) NULL AFTER created_at',
  );
  await runner.query(
    'ALTER TABLE outbox_messages ADD KEY IF NOT EXISTS unsent_by_key (message_key, sent_at), DROP KEY IF EXISTS by_key',
  );
}
