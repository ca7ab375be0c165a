import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { newDocumentNo } from '../../../services/common/document-number.ts';
import { ORDER_EVENTS } from '../../../services/contracts/order-events.ts';
import { FLASH_ORDERS, FLASH_ORDERS_TAG } from '../../../services/contracts/flash-orders.ts';
import { FlashOrderDesk } from '../../../services/flashsale/keeper/flash-order-desk.ts';
import { TellRedis } from '../../../services/flashsale/keeper/tell-redis.ts';
import { PlaceFlashOrders } from '../../../services/order/application/place-flash-orders.ts';
import { SaleKeys } from '../../../services/flashsale/redis/sale-keys.ts';
import { until } from '../../support/deadline.ts';
import { FlashSaleWorld, requested, SKU, users } from './flashsale-world.ts';
import { redisUrl } from './shop.ts';

let world: FlashSaleWorld;

beforeAll(async () => {
  world = await FlashSaleWorld.start();
});

afterAll(() => world[Symbol.asyncDispose]());

const restores: (() => void)[] = [];
afterEach(() => {
  for (const restore of restores.splice(0)) restore();
});

/** Puts something else in the place of a method, until the test ends. */
function replace<T extends object, K extends keyof T>(target: T, name: K, by: T[K]): void {
  Object.defineProperty(target, name, { value: by, configurable: true, writable: true });
  restores.push(() => delete (target as Partial<T>)[name]);
}

describe('the keeper', () => {
  it('has the orders of tickets placed, and tells the ledger and Redis', async () => {
    const sale = await world.open({ stock: 300 });
    const requests = await world.buy(sale, users(300));
    expect(requests).toHaveLength(300);
    await world.untilStatuses(sale, ['ORDERED 300']);
    const [first] = requests;
    await until(async () => (await world.state.lookUp(sale.saleId, first!.ticketNo))?.outcome, {
      what: 'the outcome',
    });
    expect(await world.state.lookUp(sale.saleId, first!.ticketNo)).toEqual({
      userId: first!.userId,
      outcome: { ticketNo: first!.ticketNo, userId: first!.userId, status: 'ORDERED' },
    });
    const answer = await world.order.get(`/orders/${first!.ticketNo}`);
    expect(await answer.json()).toMatchObject({
      orderNo: first!.ticketNo,
      userId: first!.userId,
      saleId: sale.saleId,
      items: [{ sku: SKU, quantity: 1 }],
    });
    expect(await world.differences(sale)).toEqual([]);
  });

  it('tells whoever listens, a list of outcomes at a time', async () => {
    const sale = await world.open();
    const listener = new Redis(redisUrl());
    const told: string[] = [];
    try {
      await listener.subscribe(world.keeper.app.get(SaleKeys).outcomesChannel(sale.saleId));
      listener.on('message', (_channel, text) => told.push(text));
      const [request] = await world.buy(sale, ['user-1']);
      await until(() => told.length > 0, { what: 'news' });
      expect(JSON.parse(told[0]!)).toEqual([
        { ticketNo: request!.ticketNo, userId: 'user-1', status: 'ORDERED' },
      ]);
    } finally {
      listener.disconnect();
    }
  });

  it('takes a ticket in once, however often its message comes', async () => {
    const sale = await world.open();
    const requests = await world.buy(sale, users(20));
    await world.send([...requests, ...requests]);
    await world.send(requests.toReversed());
    await world.untilStatuses(sale, ['ORDERED 20']);
    const [last] = await world.buy(sale, ['last']);
    await until(async () => (await world.ticket(last!.ticketNo))?.status === 'ORDERED');
    expect(await world.order.count('orders', `sale_id = '${sale.saleId}'`)).toBe(21);
    expect(await world.differences(sale)).toEqual([]);
  });

  it('refuses what the order service refuses, and its piece goes back to the sale; others are placed', async () => {
    const sale = await world.open({ stock: 10, sku: SKU });
    const bad = await world.open({ stock: 10, sku: 'NO-SUCH-SKU' });
    const good = await world.admit(sale, users(4));
    const refused = await world.admit(bad, users(3));
    await world.send([
      ...refused.slice(0, 1),
      ...good.slice(0, 2),
      ...refused.slice(1),
      ...good.slice(2),
    ]);
    await world.confirm(sale, good);
    await world.confirm(bad, refused);
    await world.untilStatuses(sale, ['ORDERED 4']);
    await world.untilStatuses(bad, ['REFUSED 3']);
    expect(await world.ticket(refused[0]!.ticketNo)).toEqual({
      status: 'REFUSED',
      code: 'ORDER.UNKNOWN_SKU',
    });
    await until(async () => (await world.state.read(bad.saleId)).remaining === 10, {
      what: 'the pieces back in Redis',
    });
    // The customer may try again.
    expect(await world.admit(bad, ['user-0'])).toHaveLength(1);
    expect(await world.differences(sale)).toEqual([]);
  });

  it('never takes in more than there are pieces, nor of one customer more than he may, whatever was admitted', async () => {
    const sale = await world.open({ stock: 5, perUserLimit: 2 });
    // As if Redis had forgotten: nobody of these was admitted.
    const greedy = Array.from({ length: 4 }, () =>
      requested(sale, newDocumentNo(new Date()), 'greedy'),
    );
    const others = users(6).map((userId) => requested(sale, newDocumentNo(new Date()), userId));
    await world.send([...greedy, ...others]);
    await until(async () => (await world.statuses(sale)).join() === 'ORDERED 5,REFUSED 5');
    const rows = await world.keeper.query<{ code: string; count: string }>(
      'SELECT code, COUNT(*) AS count FROM flash_tickets WHERE sale_id = ? GROUP BY code ORDER BY code',
      [sale.saleId],
    );
    expect(rows.map(({ code, count }) => `${code} ${count}`)).toEqual([
      'null 5',
      'SALE.ALREADY_BOUGHT 2',
      'SALE.SOLD_OUT 3',
    ]);
    const [mine] = await world.keeper.query<{ count: string }>(
      `SELECT COUNT(*) AS count FROM flash_tickets WHERE sale_id = ? AND user_id = 'greedy' AND status = 'ORDERED'`,
      [sale.saleId],
    );
    expect(mine!.count).toBe('2');
    expect(await world.differences(sale)).toEqual([]);
  });

  it('parks what it cannot read and goes on', async () => {
    const sale = await world.open();
    await world.producer.send({ topic: FLASH_ORDERS, tags: FLASH_ORDERS_TAG, body: '{"broken"' });
    await world.producer.send({
      topic: FLASH_ORDERS,
      tags: FLASH_ORDERS_TAG,
      body: JSON.stringify({ ...requested(sale, newDocumentNo(new Date()), 'u'), quantity: 2 }),
    });
    await until(async () => (await world.keeper.count('parked_messages')) === 2, {
      what: 'two parked messages',
    });
    const rows = await world.keeper.query<{ reason: string; body: string }>(
      'SELECT reason, body FROM parked_messages ORDER BY body',
    );
    expect(rows.map(({ reason }) => reason).toSorted()).toEqual([
      'MESSAGE.POISON: quantity is 2, a ticket is good for 1',
      'MESSAGE.POISON: the body is not JSON',
    ]);
    await world.buy(sale, ['user-1']);
    await world.untilStatuses(sale, ['ORDERED 1']);
  });

  it('refuses tickets of a sale that is not in the ledger', async () => {
    const sale = await world.open();
    const ticketNo = newDocumentNo(new Date());
    await world.send([requested({ ...sale, saleId: newDocumentNo(new Date()) }, ticketNo, 'u')]);
    await until(async () => (await world.ticket(ticketNo))?.code === 'SALE.SOLD_OUT');
  });
});

describe('a batch that fails in the middle comes again, and comes out right', () => {
  it.each(['before', 'after'] as const)(
    'when the order service was asked, %s it did it',
    async (when) => {
      const sale = await world.open();
      const desk = world.keeper.app.get(FlashOrderDesk);
      const place = desk.place.bind(desk);
      let failures = 2;
      replace(desk, 'place', async (orders) => {
        if (failures > 0 && when === 'before') {
          failures -= 1;
          throw new Error('killed');
        }
        const outcomes = await place(orders);
        if (failures > 0) {
          failures -= 1;
          throw new Error('killed');
        }
        return outcomes;
      });
      await world.buy(sale, users(10));
      await world.untilStatuses(sale, ['ORDERED 10']);
      expect(failures).toBe(0);
      expect(await world.differences(sale)).toEqual([]);
    },
  );

  it('when the ledger was to be told, after the orders were placed', async () => {
    const sale = await world.open();
    await world.keeper.query(
      `CREATE TRIGGER no_orders BEFORE UPDATE ON flash_tickets FOR EACH ROW
         SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'killed'`,
    );
    const requests = await world.buy(sale, users(10));
    await until(
      async () => (await world.order.count('orders', `sale_id = '${sale.saleId}'`)) === 10,
    );
    expect(await world.statuses(sale)).toEqual(['TAKEN 10']);
    await world.keeper.query('DROP TRIGGER no_orders');
    await world.untilStatuses(sale, ['ORDERED 10']);
    expect(await world.order.count('orders', `sale_id = '${sale.saleId}'`)).toBe(requests.length);
    expect(await world.differences(sale)).toEqual([]);
  });

  it('when Redis was to be told', async () => {
    const sale = await world.open();
    const tell = world.keeper.app.get(TellRedis);
    const execute = tell.execute.bind(tell);
    let failures = 2;
    replace(tell, 'execute', async (tickets) => {
      if (failures === 0) return execute(tickets);
      failures -= 1;
      throw new Error('killed');
    });
    const [request] = await world.buy(sale, ['user-1']);
    await until(
      async () =>
        (await world.state.lookUp(sale.saleId, request!.ticketNo))?.outcome?.status === 'ORDERED',
      { what: 'the outcome in Redis' },
    );
    expect(failures).toBe(0);
    expect(await world.differences(sale)).toEqual([]);
  });

  it('when the order service is away for a while', async () => {
    const sale = await world.open();
    const orders = world.order.app.get(PlaceFlashOrders);
    let isAway = true;
    const execute = orders.execute.bind(orders);
    replace(orders, 'execute', (wishes) => {
      if (isAway) throw new Error('away');
      return execute(wishes);
    });
    await world.buy(sale, users(5));
    await until(
      () =>
        world.keeper
          .lines()
          .some((line) => line['msg'] === 'messages not handled, their queue is suspended'),
      { what: 'a suspended queue' },
    );
    isAway = false;
    await world.untilStatuses(sale, ['ORDERED 5']);
    expect(await world.differences(sale)).toEqual([]);
  });
});

describe('an order that nobody pays', () => {
  const close = async (ticketNo: string): Promise<void> => {
    await world.order.query(
      `UPDATE orders SET status = 'CANCELLED', closed_at = UTC_TIMESTAMP(3) WHERE order_no = ?`,
      [ticketNo],
    );
    await world.producer.send({
      topic: ORDER_EVENTS,
      tags: 'Closed',
      keys: ticketNo,
      shardingKey: ticketNo,
      body: JSON.stringify({
        type: 'Closed',
        eventId: `closed-${ticketNo}`,
        orderNo: ticketNo,
        userId: 'user-1',
        totalMinor: 1,
        currency: 'EUR',
        occurredAt: new Date().toISOString(),
      }),
    });
  };

  it('gives its piece back to the sale, once, and its customer may buy again', async () => {
    const sale = await world.open({ stock: 2 });
    const [first] = await world.buy(sale, ['user-1', 'user-2']);
    expect(await world.admit(sale, ['user-3'])).toEqual([]);
    await world.untilStatuses(sale, ['ORDERED 2']);
    await close(first!.ticketNo);
    await close(first!.ticketNo);
    await world.untilStatuses(sale, ['ORDERED 1', 'RETURNED 1']);
    await until(async () => (await world.state.read(sale.saleId)).remaining === 1);
    expect((await world.state.lookUp(sale.saleId, first!.ticketNo))?.outcome).toMatchObject({
      status: 'RETURNED',
      code: 'ORDER.CLOSED',
    });
    await world.buy(sale, ['user-1']);
    await world.untilStatuses(sale, ['ORDERED 2', 'RETURNED 1']);
    expect(await world.admit(sale, ['user-3'])).toEqual([]);
    expect(await world.differences(sale)).toEqual([]);
  });

  it('may be closed before the ledger knows that it was placed: its ticket stays returned', async () => {
    const sale = await world.open();
    const desk = world.keeper.app.get(FlashOrderDesk);
    const place = desk.place.bind(desk);
    replace(desk, 'place', async (orders) => {
      const outcomes = await place(orders);
      const { ticketNo } = orders[0]!;
      await close(ticketNo);
      await until(async () => (await world.ticket(ticketNo))?.status === 'RETURNED', {
        what: 'the ticket to be returned',
      });
      return outcomes;
    });
    const requests = await world.buy(sale, users(3));
    await world.untilStatuses(sale, ['ORDERED 2', 'RETURNED 1']);
    await world.send(requests);
    const [last] = await world.buy(sale, ['last']);
    await until(
      async () =>
        (await world.state.lookUp(sale.saleId, requests[1]!.ticketNo))?.outcome?.status ===
        'ORDERED',
    );
    expect((await world.state.lookUp(sale.saleId, requests[0]!.ticketNo))?.outcome?.status).toBe(
      'RETURNED',
    );
    await until(async () => (await world.ticket(last!.ticketNo))?.status === 'RETURNED');
    await until(async () => (await world.differences(sale)).length === 0, {
      what: 'no difference',
    });
  });

  it('of no sale is nobody’s business here', async () => {
    const ticketNo = newDocumentNo(new Date());
    await close(ticketNo);
    await until(() => world.keeper.logged(ticketNo, 'overtaken event acknowledged') === 1);
  });
});

describe('a ticket of which no message comes', () => {
  it('is given up after a while: its piece is free, and a message that comes later counts no more', async () => {
    const sale = await world.open({ stock: 1 });
    const [request] = await world.admit(sale, ['user-1']);
    expect(await world.admit(sale, ['user-2'])).toEqual([]);
    await world.untilStatuses(sale, ['VOID 1']);
    await until(async () => (await world.state.read(sale.saleId)).remaining === 1);
    expect(await world.confirm(sale, [request!])).toEqual([request!.ticketNo]);
    await world.send([request!]);
    const [next] = await world.buy(sale, ['user-2']);
    await until(async () => (await world.ticket(next!.ticketNo))?.status === 'ORDERED');
    expect(await world.ticket(request!.ticketNo)).toMatchObject({ status: 'VOID' });
    expect(await world.order.count('orders', `order_no = '${request!.ticketNo}'`)).toBe(0);
    expect(await world.differences(sale)).toEqual([]);
  });

  it('whose message has come, though nobody said that it is safe, is an order like any other', async () => {
    const sale = await world.open({ stock: 1 });
    const [request] = await world.admit(sale, ['user-1']);
    await world.send([request!]);
    await world.untilStatuses(sale, ['ORDERED 1']);
    await until(async () => (await world.state.pending(sale.saleId, 0, 10)).length === 0, {
      what: 'nobody pending',
    });
    expect(await world.differences(sale)).toEqual([]);
  });

  it('is never told to be safe once it is being given up, and never given up once it was told so', async () => {
    const sale = await world.open({ stock: 200 });
    for (let round = 0; round < 5; round++) {
      const requests = await world.admit(sale, users(20, `round-${round}`));
      // The reconciler's first step, and the gate's last, at the same moment.
      const [pending, voids] = await Promise.all([
        world.state.pending(sale.saleId, 0, 100),
        world.confirm(sale, requests),
      ]);
      const given = new Set(pending.map(({ ticketNo }) => ticketNo));
      for (const { ticketNo } of requests) {
        expect(given.has(ticketNo)).toBe(voids.includes(ticketNo));
      }
    }
  });
});
