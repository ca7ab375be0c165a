import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HalfMessages1764000000003 } from '../../../services/order/persistence/migrations/1764000000003-half-messages.ts';
import { Orders1764000000000 } from '../../../services/order/persistence/migrations/1764000000000-orders.ts';
import { Outbox1764000000001 } from '../../../services/order/persistence/migrations/1764000000001-outbox.ts';
import { Tables } from './tables.ts';

let tables: Tables;

beforeEach(async () => {
  tables = await Tables.create([], [Orders1764000000000, Outbox1764000000001]);
});

afterEach(() => tables[Symbol.asyncDispose]());

async function migrate(): Promise<void> {
  const runner = tables.dataSource.createQueryRunner();
  try {
    await new HalfMessages1764000000003().up(runner);
  } finally {
    await runner.release();
  }
}

describe('the step from the outbox to half messages', () => {
  it('is refused while the outbox holds a message that nobody would send any more', async () => {
    await tables.dataSource.query(
      `INSERT INTO outbox_messages (event_id, topic, tag, message_key, body, created_at)
       VALUES (UUID(), 'ORDER_EVENTS', 'Created', '4711', '{}', UTC_TIMESTAMP(3))`,
    );
    await expect(migrate()).rejects.toThrow('still holds 1 unsent message(s), it must hold 0');
    expect(await tables.count('outbox_messages')).toBe(1);

    await tables.dataSource.query('UPDATE outbox_messages SET sent_at = UTC_TIMESTAMP(3)');
    await migrate();
    expect(await tables.count('message_transactions')).toBe(0);
    await expect(tables.count('outbox_messages')).rejects.toMatchObject({
      code: 'ER_NO_SUCH_TABLE',
    });
  });

  it('goes on where an interrupted start left it', async () => {
    await migrate();
    await migrate();
    expect(await tables.count('orders', 'closed_at IS NULL')).toBe(0);
  });
});
