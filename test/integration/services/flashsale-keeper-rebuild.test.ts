import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { FLASH_ORDERS, FLASH_ORDERS_TAG } from '../../../services/contracts/flash-orders.ts';
import type { FlashSale } from '../../../services/flashsale/domain/flash-sale.ts';
import { isNotReady } from '../../../services/flashsale/redis/sale-state.ts';
import { until } from '../../support/deadline.ts';
import { FlashSaleWorld, users } from './flashsale-world.ts';
import { hasRedisServer, OwnRedis } from './own-redis.ts';

(hasRedisServer ? describe : describe.skip)('a sale whose Redis was killed', () => {
  let redis: OwnRedis;
  let world: FlashSaleWorld;

  beforeAll(async () => {
    redis = await OwnRedis.start();
    world = await FlashSaleWorld.start({ redisUrl: redis.url });
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  /** Until Redis can be asked again; what it says then. */
  const answer = (sale: FlashSale): Promise<'NOT_READY' | number> =>
    until(
      async () => {
        try {
          return { is: (await world.state.read(sale.saleId)).remaining };
        } catch (error) {
          if (isNotReady(error)) return { is: 'NOT_READY' as const };
          throw error;
        }
      },
      { what: 'an answer of Redis' },
    ).then(({ is }) => is);

  const ready = (sale: FlashSale): Promise<unknown> =>
    until(async () => (await answer(sale)) !== 'NOT_READY', {
      what: 'the sale to be ready',
      timeoutMs: 60_000,
    });

  it.each(['empty', 'saved'] as const)(
    'and came back %s admits nobody until it knows what the ledger knows, and then as before',
    async (from) => {
      const sale = await world.open({ stock: 10, perUserLimit: 1 });
      const old = await world.buy(sale, users(3));
      await world.untilStatuses(sale, ['ORDERED 3']);
      // A dump that is older than what was sold since.
      await redis.save();
      await world.buy(sale, users(3, 'late'));
      await world.untilStatuses(sale, ['ORDERED 6']);
      await world.keeper.query(
        'UPDATE flash_tickets SET updated_at = updated_at - INTERVAL 10 MINUTE',
      );
      await world.keeper.query(
        `UPDATE flash_tickets SET status = 'RETURNED' WHERE ticket_no = '${old[0]!.ticketNo}'`,
      );
      await world.keeper.query(
        `UPDATE flash_sales SET taken = taken - 1 WHERE id = '${sale.saleId}'`,
      );
      await redis.kill();
      await redis.start(from);
      expect(await answer(sale)).toBe('NOT_READY');
      await expect(world.admit(sale, ['somebody'])).rejects.toMatchObject({
        code: 'SALE.NOT_READY',
      });
      await ready(sale);
      expect(await answer(sale)).toBe(5);
      // What they have come to is known as before, of who was told long ago, too.
      const { outcome } = (await world.state.lookUp(sale.saleId, old[1]!.ticketNo))!;
      expect(outcome).toMatchObject({ status: 'ORDERED', userId: 'user-1' });
      expect(await world.admit(sale, ['user-1', 'user-2', 'late-0', 'late-2'])).toEqual([]);
      const more = await world.buy(sale, ['user-0', ...users(8, 'new')]);
      expect(more).toHaveLength(5);
      await world.untilStatuses(sale, ['ORDERED 10', 'RETURNED 1']);
      expect(await answer(sale)).toBe(0);
    },
    90_000,
  );

  it('counts those who were admitted and whose message was on its way when it went', async () => {
    const sale = await world.open({ stock: 10 });
    const requests = await world.admit(sale, users(4));
    await world.send(requests.slice(0, 2));
    await redis.kill();
    await redis.start('empty');
    expect(await answer(sale)).toBe('NOT_READY');
    // A gate that was a little slower.
    await world.send(requests.slice(2));
    await ready(sale);
    expect(await answer(sale)).toBe(6);
    await world.untilStatuses(sale, ['ORDERED 4']);
    expect(await world.admit(sale, users(4))).toEqual([]);
    expect(await world.differences(sale)).toEqual([]);
  }, 60_000);

  it('waits for what is in the spool, and for a keeper that is behind', async () => {
    const sale = await world.open({ stock: 10 });
    const [first, second] = await world.admit(sale, ['user-1', 'user-2']);
    await world.broker.kill();
    await world.keeper.query(
      `INSERT INTO outbox_messages (event_id, topic, tag, message_key, body, created_at)
         VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(3))`,
      [randomUUID(), FLASH_ORDERS, FLASH_ORDERS_TAG, first!.ticketNo, JSON.stringify(first)],
    );
    await redis.kill();
    await redis.start('empty');
    // Longer than the gates may be sending: only the spool is left to wait for.
    const startedMs = performance.now();
    await until(async () => {
      expect(await answer(sale)).toBe('NOT_READY');
      return performance.now() > startedMs + 2_500;
    });
    await world.broker.restart();
    await ready(sale);
    expect(await answer(sale)).toBe(9);
    await world.untilStatuses(sale, ['ORDERED 1']);
    // Its message was never sent, and with the old Redis its piece is gone and back.
    expect(await world.buy(sale, [second!.userId])).toHaveLength(1);
    await world.untilStatuses(sale, ['ORDERED 2']);
    expect(await world.differences(sale)).toEqual([]);
  }, 90_000);

  it('is built at once when it has not started yet', async () => {
    const sale = await world.open({ stock: 10, startsAt: new Date(Date.now() + 600_000) });
    await redis.kill();
    await redis.start('empty');
    await ready(sale);
    expect(await answer(sale)).toBe(10);
  }, 60_000);
});
