import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createMessagingTables, dropMessagingTables } from '../../../common/messaging-tables.ts';

export class Refunds1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE IF NOT EXISTS refunds (
        refund_no         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        order_no          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        user_id           VARCHAR(128) NOT NULL,
        payment_no        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        reason            VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        status            VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        refund_minor      BIGINT NOT NULL CHECK (refund_minor >= 0),
        order_total_minor BIGINT NOT NULL CHECK (order_total_minor >= refund_minor),
        currency          VARCHAR(128) NOT NULL,
        items             MEDIUMTEXT NOT NULL,
        is_whole          BOOLEAN NOT NULL,
        requested_at      DATETIME(3) NOT NULL,
        completed_at      DATETIME(3) NULL,
        KEY by_order (order_no),
        KEY by_status (status, requested_at)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS refund_steps (
        refund_no  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        step       VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        position   TINYINT NOT NULL,
        status     VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        try_count  INT NOT NULL,
        note       VARCHAR(128) NOT NULL,
        changed_at DATETIME(3) NOT NULL,
        PRIMARY KEY (refund_no, step),
        CONSTRAINT step_of_refund FOREIGN KEY (refund_no) REFERENCES refunds (refund_no)
      ) ENGINE = InnoDB`);
    await createMessagingTables(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS refund_steps, refunds');
    await dropMessagingTables(runner);
  }
}
