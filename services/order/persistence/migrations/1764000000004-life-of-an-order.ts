import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createIdempotentRequestTable } from '../../../common/idempotent-request-table.ts';
import { createInboxTable } from '../../../common/inbox-table.ts';
import { addOutboxDeliveryTime, createOutboxTables } from '../../../common/outbox-table.ts';

/** From here on orders use coupons, are paid through the payment service, shipped and refunded; the outbox is the spool. */
export class LifeOfAnOrder1764000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createInboxTable(runner);
    await createOutboxTables(runner);
    await addOutboxDeliveryTime(runner);
    await moveIdempotencyKeys(runner);
    await runner.query(`
      ALTER TABLE orders
        MODIFY COLUMN status VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        ADD COLUMN IF NOT EXISTS discount_minor BIGINT NOT NULL DEFAULT 0 CHECK (discount_minor >= 0) AFTER status,
        ADD COLUMN IF NOT EXISTS coupon_code VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL AFTER discount_minor,
        ADD COLUMN IF NOT EXISTS payment_no VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
        ADD COLUMN IF NOT EXISTS shipped_at DATETIME(3) NULL,
        ADD COLUMN IF NOT EXISTS tracking_no VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS order_refunds (
        refund_no       VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        order_no        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        reason          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        payment_no      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        amount_minor    BIGINT NOT NULL CHECK (amount_minor >= 0),
        is_whole        BOOLEAN NOT NULL,
        requested_at    DATETIME(3) NOT NULL,
        completed_at    DATETIME(3) NULL,
        late_payment_no VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin AS
          (CASE WHEN reason = 'LATE_PAYMENT' THEN payment_no END) STORED,
        UNIQUE KEY one_refund_per_late_payment (late_payment_no),
        KEY by_order (order_no),
        CONSTRAINT refund_of_order FOREIGN KEY (order_no) REFERENCES orders (order_no)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS order_refund_items (
        refund_no VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        sku       VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        quantity  INT NOT NULL CHECK (quantity > 0),
        PRIMARY KEY (refund_no, sku),
        CONSTRAINT item_of_refund FOREIGN KEY (refund_no) REFERENCES order_refunds (refund_no)
      ) ENGINE = InnoDB`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DROP TABLE IF EXISTS order_refund_items, order_refunds, idempotent_requests, inbox_messages, outbox_messages, outbox_lease',
    );
    for (const column of [
      'discount_minor',
      'coupon_code',
      'payment_no',
      'shipped_at',
      'tracking_no',
    ]) {
      await runner.query(`ALTER TABLE orders DROP COLUMN IF EXISTS ${column}`);
    }
  }
}

/** Keys of orders that were placed before stand for them still. */
async function moveIdempotencyKeys(runner: QueryRunner): Promise<void> {
  await createIdempotentRequestTable(runner);
  if (!(await runner.hasTable('idempotency_keys'))) return;
  await runner.query(`
    INSERT IGNORE INTO idempotent_requests
      SELECT 'place-order', idempotency_key, request_fingerprint, order_no, created_at FROM idempotency_keys`);
  await runner.query('DROP TABLE idempotency_keys');
}
