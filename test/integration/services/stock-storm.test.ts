import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { DomainError } from '../../../services/common/errors.ts';
import { CheckReservation } from '../../../services/stock/application/check-reservation.ts';
import { FollowOrder } from '../../../services/stock/application/follow-order.ts';
import { ReleaseReservation } from '../../../services/stock/application/release-reservation.ts';
import { ReserveStock } from '../../../services/stock/application/reserve-stock.ts';
import { RestockItems } from '../../../services/stock/application/restock-items.ts';
import { closedEvent, createdEvent, paidEvent } from '../../services/order-event-samples.ts';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import { FakePeer } from './fake-peer.ts';
import { settles } from './order-settlement.ts';
import { startService, type RunningService } from './shop.ts';
import { received, unbalanced, wishFor, type Wish } from './stock-room.ts';

const ORDER_COUNT = 60;
const ACTION_COUNT = 1_200;
const SIDE_BY_SIDE = 12;

let broker: TestBroker;
let orders: FakePeer;
let stock: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  for (const topic of ['ORDER_EVENTS', 'RESERVATION_CHECK', 'REFUND_EVENTS', 'REFUND_STEP_RESULTS'])
    await broker.createTopic(topic);
  orders = await FakePeer.start();
  stock = await startService('stock', {
    namesrvAddr: broker.namesrvAddr,
    env: { ORDER_URL: orders.url },
  });
});

afterAll(async () => {
  await stock[Symbol.asyncDispose]();
  await orders[Symbol.asyncDispose]();
  await broker.close();
});

/** Refusals are part of the storm; anything else that is thrown is a mistake. */
async function attempt(action: () => Promise<unknown>): Promise<string> {
  try {
    await action();
    return 'done';
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
}

function actionsOn(wish: Wish, random: SeededRandom): (() => Promise<unknown>)[] {
  const { orderNo, transactionKey } = wish;
  const fact = { orderNo, eventId: randomUUID() };
  const follow = stock.app.get(FollowOrder);
  const restock = async (): Promise<unknown> => {
    const items = wish.items.map(({ sku, quantity }) => ({
      sku,
      quantity: 1 + random.below(quantity),
    }));
    const eventId = randomUUID();
    const incoming = { consumerGroup: 'storm', eventId, messageId: 'storm' };
    return stock.app.get(RestockItems).execute(
      {
        ...paidEvent,
        ...fact,
        eventId,
        type: 'Restock',
        refundNo: `${orderNo}-R${random.below(3)}`,
        refundMinor: 1,
        orderTotalMinor: 1,
        items,
        isWhole: false,
      },
      incoming,
    );
  };
  const reserve = (): Promise<unknown> => stock.app.get(ReserveStock).execute(wish);
  return [
    reserve,
    reserve,
    reserve,
    () => stock.app.get(ReleaseReservation).execute(orderNo),
    () =>
      stock.app
        .get(CheckReservation)
        .execute({ type: 'Stock', eventId: randomUUID(), orderNo, transactionKey }),
    () => follow.execute({ ...createdEvent, ...fact }),
    () => follow.execute({ ...paidEvent, ...fact }),
    () => follow.execute({ ...closedEvent, ...fact }),
    restock,
    restock,
  ];
}

it('leaves every level the sum of its ledger, and no reservation half-way, after a storm of everything at once', async () => {
  const seed = Date.now() % 1_000_000;
  const random = new SeededRandom(seed);
  const skus = [
    await received(stock, 40),
    await received(stock, 60),
    await received(stock, 5),
  ] as const;
  const wishes = Array.from({ length: ORDER_COUNT }, () => {
    const chosen = skus.filter(() => random.chance(0.6));
    const items = (chosen.length > 0 ? chosen : [skus[0]]).map((sku): [string, number] => [
      sku,
      1 + random.below(3),
    ]);
    return wishFor(...(random.chance(0.5) ? items : items.toReversed()));
  });
  for (const wish of wishes) settles(orders, wish, { isPlaced: random.chance(0.7) });
  let actionCount = 0;
  const outcomes = new Map<string, number>();
  const act = async (): Promise<void> => {
    while (actionCount++ < ACTION_COUNT) {
      const actions = actionsOn(wishes[random.below(wishes.length)]!, random);
      const outcome = await attempt(actions[random.below(actions.length)]!);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, act));

  expect({ seed, unbalanced: await unbalanced(stock) }).toEqual({ seed, unbalanced: [] });
  expect(outcomes.get('done')).toBeGreaterThan(100);
  // What every reservation has moved is what its status says.
  const wrong = await stock.query(`
    SELECT r.order_no, r.status, i.sku, GROUP_CONCAT(m.kind ORDER BY m.id) AS kinds
      FROM reservations r
      LEFT JOIN reservation_items i ON i.order_no = r.order_no
      LEFT JOIN stock_movements m ON m.reference = r.order_no AND m.sku = i.sku AND m.quantity = i.quantity
     GROUP BY r.order_no, r.status, i.sku
    HAVING NOT (
      (r.status = 'RESERVED' AND kinds <=> 'RESERVED') OR
      (r.status = 'CONFIRMED' AND kinds <=> 'RESERVED,CONFIRMED') OR
      (r.status = 'RELEASED' AND (kinds <=> 'RESERVED,RELEASED' OR i.sku IS NULL)))`);
  expect({ seed, wrong }).toEqual({ seed, wrong: [] });
  const strays = await stock.query(`
    SELECT reference, kind FROM stock_movements
     WHERE kind IN ('RESERVED', 'CONFIRMED', 'RELEASED')
       AND (reference, sku) NOT IN (SELECT order_no, sku FROM reservation_items)`);
  expect({ seed, strays }).toEqual({ seed, strays: [] });
  const overRestocked = await stock.query(`
    SELECT s.order_no, m.sku FROM restocks s
      JOIN stock_movements m ON m.reference = s.refund_no AND m.kind = 'RESTOCKED'
     GROUP BY s.order_no, m.sku
    HAVING SUM(m.quantity) > COALESCE((SELECT c.quantity FROM stock_movements c
      WHERE c.reference = s.order_no AND c.sku = m.sku AND c.kind = 'CONFIRMED'), 0)`);
  expect({ seed, overRestocked }).toEqual({ seed, overRestocked: [] });
}, 60_000);
