import type { QueryRunner } from 'typeorm';
import { createInboxTable } from './inbox-table.ts';
import { createMessageTransactionTable } from './message-transaction-table.ts';
import { addOutboxDeliveryTime, createOutboxTables } from './outbox-table.ts';

/** The tables of `messagingEntities`, for the first migration of a service. */
export async function createMessagingTables(runner: QueryRunner): Promise<void> {
  await createInboxTable(runner);
  await createOutboxTables(runner);
  await addOutboxDeliveryTime(runner);
  await createMessageTransactionTable(runner);
}

export async function dropMessagingTables(runner: QueryRunner): Promise<void> {
  await runner.query(
    'DROP TABLE IF EXISTS inbox_messages, outbox_messages, outbox_lease, message_transactions',
  );
}
