import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Coupons can be used and recalled, and a red packet comes with each. Those issued so far are ISSUED; so are, by the default,
 * those that a process of the version before issues while it is being replaced.
 *
 * No foreign key leads to coupons: its check would share the row that the same transaction then wants alone.
 */
export class Redemptions1764000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE coupons
        ADD COLUMN IF NOT EXISTS status VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'ISSUED'
          CHECK (status IN ('ISSUED', 'REDEEMED', 'RECALLED')) AFTER currency,
        ADD COLUMN IF NOT EXISTS redeemed_by_order_no VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL
          CHECK ((status = 'REDEEMED') = (redeemed_by_order_no IS NOT NULL)) AFTER status,
        ADD COLUMN IF NOT EXISTS recall_asked_at DATETIME(3) NULL
          CHECK (recall_asked_at IS NOT NULL OR status <> 'RECALLED') AFTER redeemed_by_order_no,
        ADD UNIQUE KEY IF NOT EXISTS one_coupon_per_using_order (redeemed_by_order_no)`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS red_packets (
        packet_no    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        order_no     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        user_id      VARCHAR(128) NOT NULL,
        amount_minor BIGINT NOT NULL CHECK (amount_minor >= 1),
        currency     VARCHAR(128) NOT NULL,
        status       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (status IN ('OPEN', 'RECALLED')),
        issued_at    DATETIME(3) NOT NULL,
        recalled_at  DATETIME(3) NULL CHECK ((status = 'RECALLED') = (recalled_at IS NOT NULL)),
        UNIQUE KEY one_red_packet_per_order (order_no)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS redemptions (
        order_no        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        code            CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
        status          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
          CHECK (status IN ('HELD', 'KEPT', 'RELEASED')),
        transaction_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
        is_order_known  BOOLEAN NOT NULL,
        kept_at         DATETIME(3) NULL CHECK (kept_at IS NOT NULL OR status <> 'KEPT'),
        created_at      DATETIME(3) NOT NULL,
        updated_at      DATETIME(3) NOT NULL,
        KEY by_code (code),
        CHECK (status = 'RELEASED' OR (code IS NOT NULL AND transaction_key IS NOT NULL))
      ) ENGINE = InnoDB`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS redemptions, red_packets');
    await runner.query(`
      ALTER TABLE coupons
        DROP KEY IF EXISTS one_coupon_per_using_order,
        DROP COLUMN IF EXISTS recall_asked_at,
        DROP COLUMN IF EXISTS redeemed_by_order_no,
        DROP COLUMN IF EXISTS status`);
  }
}
