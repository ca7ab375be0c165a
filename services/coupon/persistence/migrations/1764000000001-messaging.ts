import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createMessageTransactionTable } from '../../../common/message-transaction-table.ts';
import { addOutboxDeliveryTime, createOutboxTables } from '../../../common/outbox-table.ts';

export class Messaging1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createOutboxTables(runner);
    await addOutboxDeliveryTime(runner);
    await createMessageTransactionTable(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS outbox_messages, outbox_lease, message_transactions');
  }
}
