import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { MessageTransactions } from '../../../services/common/message-transactions.ts';
import { within } from '../../support/deadline.ts';
import { RunningService, startService } from './shop.ts';

let order: RunningService;

beforeEach(async () => {
  order = await startService('order', { env: { DATABASE_IDLE_TRANSACTION_MS: '1000' } });
});

afterEach(async () => {
  await order[Symbol.asyncDispose]();
});

describe('a process that hangs in a local transaction', () => {
  it.each([1, 3])(
    'lets a check-back have its answer, and cannot commit any more (connection %i of its pool)',
    async (connectionCount) => {
      const transactionKey = randomUUID();
      const hung = Array.from({ length: connectionCount }, () =>
        order.app.get(DataSource).createQueryRunner(),
      );
      for (const runner of hung) await runner.connect();
      const runner = hung.at(-1)!;
      try {
        await runner.startTransaction();
        await runner.query(
          `INSERT INTO message_transactions (transaction_key, outcome, created_at) VALUES (?, 'COMMITTED', NOW(3))`,
          [transactionKey],
        );
        const asked = order.app.get(MessageTransactions).settle(transactionKey);
        expect(await within(asked, 'the answer to a check-back')).toBe('ROLLED_BACK');
        await expect(runner.commitTransaction()).rejects.toThrow(
          /Connection|connection|closed state/,
        );
      } finally {
        for (const each of hung) await each.release();
      }
    },
  );
});
