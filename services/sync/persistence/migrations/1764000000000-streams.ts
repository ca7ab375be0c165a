import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createMessagingTables, dropMessagingTables } from '../../../common/messaging-tables.ts';

export class Streams1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createMessagingTables(runner);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS stream_checkpoints (
        stream      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        binlog_file VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        binlog_offset BIGINT NOT NULL,
        queues      JSON NOT NULL,
        saved_at    DATETIME(3) NOT NULL
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS order_links (
        table_name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        link       VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
        order_no   VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
        PRIMARY KEY (table_name, link)
      ) ENGINE = InnoDB`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS order_links, stream_checkpoints');
    await dropMessagingTables(runner);
  }
}
