import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createMessageTransactionTable } from '../../../common/message-transaction-table.ts';

/** Orders are announced by half messages from here on, and closed when nobody pays. */
export class HalfMessages1764000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await refuseToDropUnsent(runner);
    await createMessageTransactionTable(runner);
    await runner.query('ALTER TABLE orders ADD COLUMN IF NOT EXISTS closed_at DATETIME(3) NULL');
    await runner.query('DROP TABLE IF EXISTS outbox_messages, outbox_lease');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS message_transactions');
    await runner.query('ALTER TABLE orders DROP COLUMN IF EXISTS closed_at');
  }
}

/** Nothing reads the outbox any more: what is still in it would be lost. */
async function refuseToDropUnsent(runner: QueryRunner): Promise<void> {
  if (!(await runner.hasTable('outbox_messages'))) return;
  const [row] = (await runner.query(
    'SELECT COUNT(*) AS count FROM outbox_messages WHERE sent_at IS NULL',
  )) as [{ count: string }];
  if (Number(row.count) === 0) return;
  throw new Error(
    `the outbox of the order service still holds ${row.count} unsent message(s), it must hold 0: ` +
      'start the release before this one with the broker up, and this one when they are sent',
  );
}
