import type { MigrationInterface, QueryRunner } from 'typeorm';

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
    await runner.query(`
      CREATE TABLE IF NOT EXISTS inbox_messages (
        consumer_group VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        event_id       VARCHAR(128) COLLATE utf8mb4_nopad_bin NOT NULL,
        message_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        handled_at     DATETIME(3) NOT NULL,
        PRIMARY KEY (consumer_group, event_id)
      ) ENGINE = InnoDB`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS notifications, inbox_messages');
  }
}
