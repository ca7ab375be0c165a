import type { MigrationInterface, QueryRunner } from 'typeorm';

const REFERENCE = 'FIRST-DELIVERY';

/** What the order service's catalogue sells. */
const items = [
  ['TEA-GREEN-100', 1_000_000],
  ['TEA-BLACK-100', 1_000_000],
  ['TEA-OOLONG-50', 1_000_000],
  ['COFFEE-250', 1_000_000],
  ['COFFEE-1000', 1_000_000],
  ['MUG-BLUE', 1_000_000],
  ['MUG-WHITE', 1_000_000],
  ['POT-GLASS', 1_000_000],
  ['KETTLE-STEEL', 1_000_000],
  ['GRINDER-HAND', 100_000],
  ['FILTER-40', 1_000_000],
  ['HONEY-500', 1_000_000],
] as const;

/** The stock to begin with. Run again after a crash in between, it adds what is missing and leaves the rest as it is. */
export class FirstDelivery1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const occurredAt = new Date();
    const movements = items.map(([sku, quantity]) => [
      sku,
      'RECEIVED',
      quantity,
      REFERENCE,
      occurredAt,
    ]);
    await runner.query(
      'INSERT IGNORE INTO stock_movements (sku, kind, quantity, reference, occurred_at) VALUES ?',
      [movements],
    );
    await runner.query(
      `INSERT IGNORE INTO stock_levels (sku, available, reserved, sold)
         SELECT sku, quantity, 0, 0 FROM stock_movements WHERE reference = ?`,
      [REFERENCE],
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DELETE FROM stock_levels WHERE sku IN (?)', [items.map(([sku]) => sku)]);
    await runner.query('DELETE FROM stock_movements WHERE reference = ?', [REFERENCE]);
  }
}
