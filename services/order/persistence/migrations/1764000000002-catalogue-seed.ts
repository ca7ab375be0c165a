import type { MigrationInterface, QueryRunner } from 'typeorm';

const items = [
  ['TEA-GREEN-100', 'Green tea, 100 g', 690],
  ['TEA-BLACK-100', 'Black tea, 100 g', 590],
  ['TEA-OOLONG-50', 'Oolong, 50 g', 1_290],
  ['COFFEE-250', 'Coffee beans, 250 g', 849],
  ['COFFEE-1000', 'Coffee beans, 1 kg', 2_899],
  ['MUG-BLUE', 'Mug, blue', 1_200],
  ['MUG-WHITE', 'Mug, white', 1_200],
  ['POT-GLASS', 'Glass teapot', 3_450],
  ['KETTLE-STEEL', 'Steel kettle', 5_990],
  ['GRINDER-HAND', 'Hand grinder', 4_500],
  ['FILTER-40', 'Paper filters, 40 pieces', 299],
  ['HONEY-500', 'Honey, 500 g', 799],
] as const;

export class CatalogueSeed1764000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'INSERT IGNORE INTO catalogue_items (sku, name, unit_price_minor) VALUES ?',
      [items],
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DELETE FROM catalogue_items WHERE sku IN (?)', [items.map(([sku]) => sku)]);
  }
}
