import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createMessagingTables, dropMessagingTables } from '../../../common/messaging-tables.ts';

export class Shipments1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE IF NOT EXISTS shipments (
        shipment_no  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        order_no     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        status       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        tracking_no  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
        requested_at DATETIME(3) NOT NULL,
        shipped_at   DATETIME(3) NULL,
        UNIQUE KEY one_parcel_per_order (order_no)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS shipment_items (
        shipment_no        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        sku                VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        quantity           INT NOT NULL CHECK (quantity > 0),
        cancelled_quantity INT NOT NULL DEFAULT 0 CHECK (cancelled_quantity BETWEEN 0 AND quantity),
        PRIMARY KEY (shipment_no, sku),
        CONSTRAINT item_of_shipment FOREIGN KEY (shipment_no) REFERENCES shipments (shipment_no)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS goods_returns (
        refund_no    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        shipment_no  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        order_no     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        status       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        items        MEDIUMTEXT NOT NULL,
        requested_at DATETIME(3) NOT NULL,
        settled_at   DATETIME(3) NULL,
        KEY by_order (order_no),
        CONSTRAINT return_of_shipment FOREIGN KEY (shipment_no) REFERENCES shipments (shipment_no)
      ) ENGINE = InnoDB`);
    await createMessagingTables(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS goods_returns, shipment_items, shipments');
    await dropMessagingTables(runner);
  }
}
