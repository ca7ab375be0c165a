import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { HalfMessages1764000000003 } from '../../../services/order/persistence/migrations/1764000000003-half-messages.ts';
import { Orders1764000000000 } from '../../../services/order/persistence/migrations/1764000000000-orders.ts';
import { Outbox1764000000001 } from '../../../services/order/persistence/migrations/1764000000001-outbox.ts';
import { LifeOfAnOrder1764000000004 } from '../../../services/order/persistence/migrations/1764000000004-life-of-an-order.ts';
import { createIdempotentRequestTable } from '../../../services/common/idempotent-request-table.ts';
import { fingerprintOf } from '../../../services/common/idempotency-key.ts';
import { startService } from './shop.ts';
import { Tables } from './tables.ts';

let tables: Tables;

beforeEach(async () => {
  tables = await Tables.create([], [Orders1764000000000, Outbox1764000000001]);
});

afterEach(() => tables[Symbol.asyncDispose]());

async function migrate(
  step: HalfMessages1764000000003 | LifeOfAnOrder1764000000004 = new HalfMessages1764000000003(),
): Promise<void> {
  const runner = tables.dataSource.createQueryRunner();
  try {
    await step.up(runner);
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

describe('the step to the whole life of an order', () => {
  const body = { userId: 'user-1', items: [{ sku: 'MUG-BLUE', quantity: 1 }] };
  const orderNo = '20261120-7K3M9Q2T4VXA';

  async function oldOrder(key: string): Promise<void> {
    const { dataSource } = tables;
    await dataSource.query(
      `INSERT INTO orders (order_no, user_id, status, total_minor, currency, placed_at, paid_at)
       VALUES (?, 'user-1', 'PAID', 1200, 'EUR', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
      [orderNo],
    );
    await dataSource.query(`INSERT INTO order_items VALUES (?, 1, 'MUG-BLUE', 1, 1200)`, [orderNo]);
    // As the release before took a request's fingerprint.
    const fingerprint = fingerprintOf(['user-1', ['MUG-BLUE', 1]]);
    await dataSource.query('INSERT INTO idempotency_keys VALUES (?, ?, ?, UTC_TIMESTAMP(3))', [
      key,
      fingerprint,
      orderNo,
    ]);
  }

  it('keeps the keys of orders that were placed before: a request sent again is answered as it was', async () => {
    const key = randomUUID();
    await oldOrder(key);
    await using order = await startService('order', { schema: tables.schema });
    const again = await order.post('/orders', body, { 'Idempotency-Key': key });
    expect(again.status).toBe(201);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.json()).toMatchObject({ orderNo, totalMinor: 1_200, discountMinor: 0 });
    const other = { ...body, userId: 'user-2' };
    expect((await order.post('/orders', other, { 'Idempotency-Key': key })).status).toBe(409);
    expect(order.peers.asked('POST /reservations')).toEqual([]);
    await expect(tables.count('idempotency_keys')).rejects.toMatchObject({
      code: 'ER_NO_SUCH_TABLE',
    });
    // Nobody knows by which payment it was paid, so nobody can give the money back through a channel.
    const refund = await order.post(`/orders/${orderNo}/refunds`, {}, { 'Idempotency-Key': key });
    expect(refund.status).toBe(409);
    expect(await refund.json()).toMatchObject({ code: 'ORDER.PAYMENT_UNKNOWN' });
  });

  it('goes on where an interrupted start left it, also between the copy of the keys and its end', async () => {
    await oldOrder('k-1');
    await migrate();
    const runner = tables.dataSource.createQueryRunner();
    await createIdempotentRequestTable(runner);
    await runner.release();
    await tables.dataSource.query(
      `INSERT INTO idempotent_requests
         SELECT 'place-order', idempotency_key, request_fingerprint, order_no, created_at FROM idempotency_keys`,
    );
    for (let start = 0; start < 2; start++) await migrate(new LifeOfAnOrder1764000000004());
    expect(await tables.count('idempotent_requests', "idempotency_key = 'k-1'")).toBe(1);
    expect(await tables.count('order_refunds')).toBe(0);
  });

  it('can be taken back, and made again', async () => {
    await migrate();
    await migrate(new LifeOfAnOrder1764000000004());
    const runner = tables.dataSource.createQueryRunner();
    await new LifeOfAnOrder1764000000004().down(runner);
    await runner.release();
    await migrate(new LifeOfAnOrder1764000000004());
    expect(await tables.count('idempotent_requests')).toBe(0);
  });
});
