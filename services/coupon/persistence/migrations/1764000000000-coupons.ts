import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createInboxTable } from '../../../common/inbox-table.ts';

export class Coupons1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE IF NOT EXISTS coupons (
        code         CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        order_no     VARCHAR(128) COLLATE utf8mb4_nopad_bin NOT NULL,
        user_id      VARCHAR(128) NOT NULL,
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency     VARCHAR(128) NOT NULL,
        issued_at    DATETIME(3) NOT NULL,
        expires_at   DATETIME(3) NOT NULL,
        UNIQUE KEY one_coupon_per_order (order_no)
      ) ENGINE = InnoDB`);
    await createInboxTable(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS coupons, inbox_messages');
  }
}
