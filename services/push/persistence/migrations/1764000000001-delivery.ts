import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createOutboxTables } from '../../../common/outbox-table.ts';

export class Delivery1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE notifications ADD COLUMN IF NOT EXISTS delivered_at DATETIME(3) NULL',
    );
    // What was recorded before there was a gateway has no message that would ever have it delivered.
    await runner.query(
      'UPDATE notifications SET delivered_at = recorded_at WHERE delivered_at IS NULL',
    );
    await createOutboxTables(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS outbox_messages, outbox_lease');
    await runner.query('ALTER TABLE notifications DROP COLUMN IF EXISTS delivered_at');
  }
}
