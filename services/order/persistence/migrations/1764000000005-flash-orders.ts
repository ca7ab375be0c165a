import type { MigrationInterface, QueryRunner } from 'typeorm';

/** From here on orders are placed by flash sales, too. */
export class FlashOrders1764000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE orders ADD COLUMN IF NOT EXISTS sale_id VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL AFTER user_id',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE orders DROP COLUMN IF EXISTS sale_id');
  }
}
