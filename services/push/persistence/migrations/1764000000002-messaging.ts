import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createMessageTransactionTable } from '../../../common/message-transaction-table.ts';
import { addOutboxDeliveryTime } from '../../../common/outbox-table.ts';

export class Messaging1764000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await addOutboxDeliveryTime(runner);
    await createMessageTransactionTable(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS message_transactions');
    await runner.query('ALTER TABLE outbox_messages DROP COLUMN IF EXISTS deliver_at');
  }
}
