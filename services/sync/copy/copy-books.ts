import type { Statements } from './statements.ts';

/**
 * What is remembered of the copying, beside the copy: whoever drops the copy drops this with it, and a new copy begins with
 * a snapshot. Their names begin with an underscore, as no table does that is followed.
 */
export async function createCopyBooks(statements: Statements): Promise<void> {
  await statements.query(`
    CREATE TABLE IF NOT EXISTS _snapshots (
      id            BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
      state         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      reason        VARCHAR(500) NOT NULL,
      requested_at  DATETIME(3) NOT NULL,
      finished_at   DATETIME(3) NULL,
      binlog_file   VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL,
      binlog_offset BIGINT NULL,
      row_count     BIGINT NOT NULL DEFAULT 0,
      begins_anew  BOOLEAN NOT NULL,
      problem       VARCHAR(1000) NULL,
      KEY by_state (state)
    ) ENGINE = InnoDB`);
  await statements.query(`
    CREATE TABLE IF NOT EXISTS _floor (
      id      TINYINT NOT NULL PRIMARY KEY,
      version VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    ) ENGINE = InnoDB`);
  await statements.query("INSERT IGNORE INTO _floor (id, version) VALUES (1, '')");
  await statements.query(`
    CREATE TABLE IF NOT EXISTS _progress (
      queue        VARCHAR(160) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
      version      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      committed_at DATETIME(3) NOT NULL,
      applied_at   DATETIME(3) NOT NULL
    ) ENGINE = InnoDB`);
  await statements.query(`
    CREATE TABLE IF NOT EXISTS _parked_messages (
      message_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
      topic        VARCHAR(127) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      queue_id     INT NOT NULL,
      queue_offset BIGINT NOT NULL,
      tag          VARCHAR(64) NULL,
      message_key  VARCHAR(128) NULL,
      reason       VARCHAR(1000) NOT NULL,
      body         MEDIUMTEXT NOT NULL,
      parked_at    DATETIME(3) NOT NULL
    ) ENGINE = InnoDB`);
}
