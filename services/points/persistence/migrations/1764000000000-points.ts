import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createMessagingTables, dropMessagingTables } from '../../../common/messaging-tables.ts';

export class Points1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE IF NOT EXISTS points_movements (
        id           BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
        kind         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (kind IN ('EARNED', 'DEDUCTED')),
        reference    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        order_no     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        user_id      VARCHAR(128) COLLATE utf8mb4_nopad_bin NOT NULL,
        points       BIGINT NOT NULL CHECK (points >= 0),
        amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
        occurred_at  DATETIME(3) NOT NULL,
        UNIQUE KEY one_movement_per_cause (kind, reference),
        KEY by_order (order_no),
        KEY by_user (user_id, id)
      ) ENGINE = InnoDB`);
    // A balance may fall below zero: points that were earned and spent can still be taken back.
    await runner.query(`
      CREATE TABLE IF NOT EXISTS points_balances (
        user_id VARCHAR(128) COLLATE utf8mb4_nopad_bin NOT NULL PRIMARY KEY,
        points  BIGINT NOT NULL
      ) ENGINE = InnoDB`);
    await createMessagingTables(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS points_movements, points_balances');
    await dropMessagingTables(runner);
  }
}
