import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createIdempotentRequestTable } from '../../../common/idempotent-request-table.ts';
import { createMessagingTables, dropMessagingTables } from '../../../common/messaging-tables.ts';

/**
 * MariaDB commits at each of these statements. Each can be repeated, so a start that was interrupted goes on.
 * Keys are ASCII compared byte by byte; an eventId may be any text, as in the inbox.
 */
export class Payments1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createMessagingTables(runner);
    await createIdempotentRequestTable(runner);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS payments (
        payment_no    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        order_no      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        amount_minor  BIGINT NOT NULL CHECK (amount_minor > 0),
        currency      CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        status        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
                      CHECK (status IN ('PROCESSING', 'SUCCEEDED', 'FAILED')),
        charge_no     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
        created_at    DATETIME(3) NOT NULL,
        settled_at    DATETIME(3) NULL,
        failure       VARCHAR(255) NULL,
        live_order_no VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin AS
          (CASE WHEN status IN ('PROCESSING', 'SUCCEEDED') THEN order_no END) STORED,
        UNIQUE KEY one_live_payment_per_order (live_order_no),
        KEY by_order (order_no, created_at),
        CONSTRAINT settled_when_ended CHECK ((status = 'PROCESSING') = (settled_at IS NULL)),
        CONSTRAINT failure_when_failed CHECK ((status = 'FAILED') = (failure IS NOT NULL))
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS channel_callbacks (
        nonce       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        payment_no  VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        outcome     VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        has_settled BOOLEAN NOT NULL,
        received_at DATETIME(3) NOT NULL,
        KEY by_payment (payment_no),
        CONSTRAINT callback_of_payment FOREIGN KEY (payment_no) REFERENCES payments (payment_no)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS payment_refunds (
        refund_no     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        payment_no    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        order_no      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        amount_minor  BIGINT NOT NULL CHECK (amount_minor >= 0),
        status        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
                      CHECK (status IN ('PROCESSING', 'SUCCEEDED', 'FAILED')),
        is_refused    BOOLEAN NOT NULL,
        attempt_count INT NOT NULL CHECK (attempt_count >= 0),
        last_error    VARCHAR(255) NULL,
        event_id      VARCHAR(128) COLLATE utf8mb4_nopad_bin NOT NULL,
        created_at    DATETIME(3) NOT NULL,
        updated_at    DATETIME(3) NOT NULL,
        KEY by_payment (payment_no),
        CONSTRAINT refused_when_failed CHECK (NOT is_refused OR status = 'FAILED'),
        CONSTRAINT refund_of_payment FOREIGN KEY (payment_no) REFERENCES payments (payment_no)
      ) ENGINE = InnoDB`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DROP TABLE IF EXISTS payment_refunds, channel_callbacks, payments, idempotent_requests',
    );
    await dropMessagingTables(runner);
  }
}
