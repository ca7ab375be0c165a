import { createConnection } from 'mysql2/promise';
import { skus } from './catalogue.ts';

export const SYNCHRONOUS_SCHEMA = 'millrace_synchronous';

const stockOfEach = 1_000_000_000;

const no = 'VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL';
const user = 'VARCHAR(128) NOT NULL';
const status = 'VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL';
const money = 'BIGINT NOT NULL CHECK (amount_minor >= 0)';
const time = 'DATETIME(3)';

/** What the services' tables hold of an order, in one schema, with the same keys; without what only messages need. */
const tables: readonly string[] = [
  `idempotent_requests (
     idempotency_key VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
     order_no ${no}, created_at ${time} NOT NULL)`,
  `orders (
     order_no ${no} PRIMARY KEY, user_id ${user}, status ${status}, amount_minor ${money}, currency CHAR(3) NOT NULL,
     payment_no ${no}, placed_at ${time} NOT NULL, paid_at ${time} NULL, shipped_at ${time} NULL,
     tracking_no VARCHAR(64) NULL, KEY orders_by_user (user_id, placed_at))`,
  `order_items (
     order_no ${no}, line_no SMALLINT NOT NULL, sku ${no}, quantity INT NOT NULL, unit_price_minor BIGINT NOT NULL,
     PRIMARY KEY (order_no, line_no), CONSTRAINT item_of_order FOREIGN KEY (order_no) REFERENCES orders (order_no))`,
  `stock_levels (
     sku ${no} PRIMARY KEY, available BIGINT NOT NULL CHECK (available >= 0),
     reserved BIGINT NOT NULL CHECK (reserved >= 0), sold BIGINT NOT NULL)`,
  `stock_movements (
     id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, sku ${no}, kind ${status}, quantity BIGINT NOT NULL,
     reference ${no}, occurred_at ${time} NOT NULL, UNIQUE KEY one_movement_per_reference (reference, sku, kind))`,
  `reservations (order_no ${no} PRIMARY KEY, status ${status}, created_at ${time} NOT NULL, updated_at ${time} NOT NULL)`,
  `reservation_items (
     order_no ${no}, sku ${no}, quantity INT NOT NULL, PRIMARY KEY (order_no, sku),
     CONSTRAINT item_of_reservation FOREIGN KEY (order_no) REFERENCES reservations (order_no))`,
  `payments (
     payment_no ${no} PRIMARY KEY, order_no ${no}, amount_minor ${money}, currency CHAR(3) NOT NULL, status ${status},
     created_at ${time} NOT NULL, settled_at ${time} NULL, UNIQUE KEY one_payment_per_order (order_no))`,
  `channel_callbacks (
     nonce ${no} PRIMARY KEY, payment_no ${no}, outcome ${status}, received_at ${time} NOT NULL,
     KEY by_payment (payment_no))`,
  `coupons (
     code CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, order_no ${no}, user_id ${user},
     amount_minor ${money}, issued_at ${time} NOT NULL, expires_at ${time} NOT NULL,
     UNIQUE KEY one_coupon_per_order (order_no))`,
  `red_packets (
     packet_no ${no} PRIMARY KEY, order_no ${no}, user_id ${user}, amount_minor ${money}, issued_at ${time} NOT NULL,
     UNIQUE KEY one_red_packet_per_order (order_no))`,
  `points_movements (
     id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, order_no ${no}, user_id ${user}, points BIGINT NOT NULL,
     occurred_at ${time} NOT NULL, UNIQUE KEY one_movement_per_order (order_no), KEY by_user (user_id, id))`,
  `points_balances (user_id VARCHAR(128) NOT NULL PRIMARY KEY, points BIGINT NOT NULL)`,
  `notifications (
     order_no ${no}, kind ${status}, user_id ${user}, text VARCHAR(512) NOT NULL, recorded_at ${time} NOT NULL,
     delivered_at ${time} NULL, PRIMARY KEY (order_no, kind))`,
  `shipments (
     shipment_no ${no} PRIMARY KEY, order_no ${no}, status ${status}, tracking_no VARCHAR(64) NULL,
     requested_at ${time} NOT NULL, shipped_at ${time} NULL, UNIQUE KEY one_parcel_per_order (order_no))`,
  `shipment_items (
     shipment_no ${no}, sku ${no}, quantity INT NOT NULL, PRIMARY KEY (shipment_no, sku),
     CONSTRAINT item_of_shipment FOREIGN KEY (shipment_no) REFERENCES shipments (shipment_no))`,
];

/** Makes the schema anew, empty but for stock that never runs out: what is measured is the checkout, not an old run. */
export async function createSynchronousSchema(databaseUrl: string): Promise<void> {
  const connection = await createConnection({ uri: databaseUrl, timezone: 'Z' });
  try {
    await connection.query(`DROP SCHEMA IF EXISTS ${SYNCHRONOUS_SCHEMA}`);
    await connection.query(`CREATE SCHEMA ${SYNCHRONOUS_SCHEMA} CHARACTER SET utf8mb4`);
    await connection.query(`USE ${SYNCHRONOUS_SCHEMA}`);
    for (const table of tables) await connection.query(`CREATE TABLE ${table} ENGINE = InnoDB`);
    await connection.query('INSERT INTO stock_levels (sku, available, reserved, sold) VALUES ?', [
      skus.map((sku) => [sku, stockOfEach, 0, 0]),
    ]);
  } finally {
    await connection.end();
  }
}
