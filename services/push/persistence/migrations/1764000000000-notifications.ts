import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createInboxTable } from '../../../common/inbox-table.ts';

export class Notifications1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE IF NOT EXISTS notifications (
        event_id    VARCHAR(128) COLLATE utf8mb4_nopad_bin NOT NULL PRIMARY KEY,
        order_no    VARCHAR(128) COLLATE utf8mb4_nopad_bin NOT NULL,
        user_id     VARCHAR(128) NOT NULL,
        kind        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        text        VARCHAR(512) NOT NULL,
        recorded_at DATETIME(3) NOT NULL,
        KEY by_order (order_no, recorded_at)
      ) ENGINE = InnoDB`);
    await createInboxTable(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS notifications, inbox_messages');
  }
}
