import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createMessagingTables, dropMessagingTables } from '../../../common/messaging-tables.ts';

/** No foreign key leads to stock_levels: its check would share the hot row that the same transaction then wants alone. */
export class Stock1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE IF NOT EXISTS stock_movements (
        id          BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
        sku         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        kind        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
          CHECK (kind IN ('RECEIVED', 'RESERVED', 'CONFIRMED', 'RELEASED', 'RESTOCKED')),
        quantity    BIGINT NOT NULL CHECK (quantity > 0),
        reference   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        occurred_at DATETIME(3) NOT NULL,
        UNIQUE KEY one_movement_per_reference (reference, sku, kind)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS stock_levels (
        sku       VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        available BIGINT NOT NULL CHECK (available >= 0),
        reserved  BIGINT NOT NULL CHECK (reserved >= 0),
        sold      BIGINT NOT NULL CHECK (sold >= 0)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS reservations (
        order_no        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        status          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
          CHECK (status IN ('RESERVED', 'CONFIRMED', 'RELEASED')),
        transaction_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
        is_order_known  BOOLEAN NOT NULL,
        created_at      DATETIME(3) NOT NULL,
        updated_at      DATETIME(3) NOT NULL
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS reservation_items (
        order_no VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        sku      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        quantity INT NOT NULL CHECK (quantity > 0),
        PRIMARY KEY (order_no, sku),
        CONSTRAINT item_of_reservation FOREIGN KEY (order_no) REFERENCES reservations (order_no)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS restocks (
        refund_no    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        order_no     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        restocked_at DATETIME(3) NOT NULL,
        KEY by_order (order_no),
        CONSTRAINT restock_of_reservation FOREIGN KEY (order_no) REFERENCES reservations (order_no)
      ) ENGINE = InnoDB`);
    await createMessagingTables(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DROP TABLE IF EXISTS restocks, reservation_items, reservations, stock_levels, stock_movements',
    );
    await dropMessagingTables(runner);
  }
}
