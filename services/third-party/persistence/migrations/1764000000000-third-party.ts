import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keys are ASCII compared byte by byte: `a` and `A` are two keys. */
export class ThirdParty1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE IF NOT EXISTS channel_charges (
        request_no             VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        charge_no              VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        status                 VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        amount_minor           BIGINT NOT NULL CHECK (amount_minor >= 0),
        refunded_minor         BIGINT NOT NULL,
        currency               CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        callback_url           VARCHAR(512) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        callback_attempt_count INT NOT NULL,
        accepted_at            DATETIME(3) NOT NULL,
        settled_at             DATETIME(3) NULL,
        due_at                 DATETIME(3) NULL,
        UNIQUE KEY one_charge_per_number (charge_no),
        KEY charges_by_due_time (due_at),
        CONSTRAINT no_more_back_than_came CHECK (refunded_minor BETWEEN 0 AND amount_minor)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS channel_refunds (
        refund_no    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        request_no   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency     CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        refunded_at  DATETIME(3) NOT NULL,
        CONSTRAINT refund_of_charge FOREIGN KEY (request_no) REFERENCES channel_charges (request_no)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS carrier_shipments (
        request_no  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        status      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        tracking_no VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
        order_no    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
        items       TEXT NOT NULL,
        accepted_at DATETIME(3) NOT NULL,
        UNIQUE KEY one_shipment_per_number (tracking_no)
      ) ENGINE = InnoDB`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS channel_refunds, channel_charges, carrier_shipments');
  }
}
