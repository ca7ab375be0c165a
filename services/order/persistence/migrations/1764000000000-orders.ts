import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * MariaDB commits at each of these statements. Each can be repeated, so a start that was interrupted goes on.
 * Keys are ASCII compared byte by byte: `a` and `A` are two keys.
 */
export class Orders1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE IF NOT EXISTS catalogue_items (
        sku              VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        name             VARCHAR(128) NOT NULL,
        unit_price_minor BIGINT NOT NULL CHECK (unit_price_minor >= 0)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS orders (
        order_no    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        user_id     VARCHAR(64) NOT NULL,
        status      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        total_minor BIGINT NOT NULL CHECK (total_minor >= 0),
        currency    CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        placed_at   DATETIME(3) NOT NULL,
        paid_at     DATETIME(3) NULL,
        KEY orders_by_user (user_id, placed_at)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS order_items (
        order_no         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        line_no          SMALLINT NOT NULL,
        sku              VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        quantity         INT NOT NULL CHECK (quantity > 0),
        unit_price_minor BIGINT NOT NULL CHECK (unit_price_minor >= 0),
        PRIMARY KEY (order_no, line_no),
        CONSTRAINT item_of_order FOREIGN KEY (order_no) REFERENCES orders (order_no)
      ) ENGINE = InnoDB`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS idempotency_keys (
        idempotency_key     VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        request_fingerprint CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        order_no            VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        created_at          DATETIME(3) NOT NULL,
        UNIQUE KEY one_key_per_order (order_no)
      ) ENGINE = InnoDB`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DROP TABLE IF EXISTS idempotency_keys, order_items, orders, catalogue_items',
    );
  }
}
