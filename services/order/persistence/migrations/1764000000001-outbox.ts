import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createOutboxTables } from '../../../common/outbox-table.ts';

export class Outbox1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createOutboxTables(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS outbox_messages, outbox_lease');
  }
}
