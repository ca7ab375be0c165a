import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import type { RefundStepDue } from '../../../services/contracts/refund-events.ts';
import type { RefundStepResult } from '../../../services/contracts/refund-step-results.ts';
import { FollowOrder } from '../../../services/stock/application/follow-order.ts';
import { closedEvent, createdEvent, paidEvent } from '../../services/order-event-samples.ts';
import { until, within } from '../../support/deadline.ts';
import { startService, type RunningService } from './shop.ts';
import {
  levelOf,
  movementsOf,
  outcomeOf,
  received,
  reserved,
  statusOf,
  unbalanced,
  wishFor,
} from './stock-room.ts';

const ORDERS_GROUP = 'stock-on-order-event';
const RESTOCK_GROUP = 'stock-on-restock-due';
const RETRY_COUNT = 2;

let broker: TestBroker;
let producer: Producer;
let stock: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  for (const topic of ['ORDER_EVENTS', 'RESERVATION_CHECK', 'REFUND_EVENTS', 'REFUND_STEP_RESULTS'])
    await broker.createTopic(topic);
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  stock = await startService('stock', {
    namesrvAddr: broker.namesrvAddr,
    env: { MAX_RECONSUME_TIMES: String(RETRY_COUNT), OUTBOX_POLL_MS: '50' },
  });
});

afterAll(async () => {
  await stock[Symbol.asyncDispose]();
  await producer.shutdown();
  await broker.close();
});

type Kind = 'Created' | 'Paid' | 'Closed';
const samples = { Created: createdEvent, Paid: paidEvent, Closed: closedEvent };

async function tell(orderNo: string, type: Kind, eventId: string = randomUUID()): Promise<void> {
  const body = JSON.stringify({ ...samples[type], orderNo, eventId });
  await producer.send({
    topic: 'ORDER_EVENTS',
    tags: type,
    keys: orderNo,
    shardingKey: orderNo,
    body,
  });
}

const logged = (orderNo: string, text: string, count = 1): Promise<unknown> =>
  until(() => stock.logged(orderNo, text) >= count, {
    what: `${count} × "${text}" of ${orderNo}`,
  });

/** Tells of one event and waits until it is dealt with. */
async function told(orderNo: string, type: Kind, text = 'event handled'): Promise<void> {
  const before = stock.logged(orderNo, text);
  await tell(orderNo, type);
  await logged(orderNo, text, before + 1);
}

async function reasonOfDeadLetter(group: string, orderNo: string): Promise<string | undefined> {
  const letter = await until(
    async () => (await broker.dlq(group)).find(({ keys }) => keys.includes(orderNo)),
    { what: `the dead letter of ${orderNo}` },
  );
  return letter.properties.get('DLQ_REASON');
}

describe('an order', () => {
  it('that is placed and paid has its goods sold, once', async () => {
    const sku = await received(stock, 10);
    const { orderNo } = await reserved(stock, [sku, 4]);
    await told(orderNo, 'Created');
    expect(await statusOf(stock, orderNo)).toEqual({ status: 'RESERVED', isOrderKnown: true });
    const eventId = randomUUID();
    await tell(orderNo, 'Paid', eventId);
    await logged(orderNo, 'event handled', 2);
    await tell(orderNo, 'Paid', eventId);
    await tell(orderNo, 'Paid');
    await logged(orderNo, 'duplicate event acknowledged', 2);
    expect(await levelOf(stock, sku)).toEqual({ sku, available: 6, reserved: 0, sold: 4 });
    expect(await movementsOf(stock, orderNo)).toEqual([`RESERVED ${sku} 4`, `CONFIRMED ${sku} 4`]);
  });

  it('whose payment is told before it was placed has its goods sold all the same', async () => {
    const sku = await received(stock, 10);
    const { orderNo } = await reserved(stock, [sku, 4]);
    await told(orderNo, 'Paid');
    await told(orderNo, 'Created', 'overtaken event acknowledged');
    expect(await statusOf(stock, orderNo)).toEqual({ status: 'CONFIRMED', isOrderKnown: true });
    expect(await levelOf(stock, sku)).toMatchObject({ available: 6, sold: 4 });
  });

  it('whose reservation somebody does not let go of does not keep those waiting that are paid with it', async () => {
    const sku = await received(stock, 10);
    const [held, free] = [await reserved(stock, [sku, 1]), await reserved(stock, [sku, 1])];
    const holder = stock.database.createQueryRunner();
    await holder.startTransaction();
    try {
      await holder.query('SELECT 1 FROM reservations WHERE order_no = ? FOR UPDATE', [
        held.orderNo,
      ]);
      const followOrder = stock.app.get(FollowOrder);
      const [waiting, handling] = [held, free].map(({ orderNo }) =>
        followOrder.execute({ ...paidEvent, orderNo }),
      );
      expect(await within(handling!, 'the payment of the other order')).toBe('handled');
      expect(await statusOf(stock, held.orderNo)).toMatchObject({ status: 'RESERVED' });
      await holder.rollbackTransaction();
      expect(await waiting).toBe('handled');
    } finally {
      await holder.release();
    }
    expect(await levelOf(stock, sku)).toMatchObject({ available: 8, reserved: 0, sold: 2 });
  });

  it('that is closed has its goods let go, once, also when that is told before it was placed', async () => {
    const sku = await received(stock, 10);
    const { orderNo } = await reserved(stock, [sku, 4]);
    await told(orderNo, 'Closed');
    await told(orderNo, 'Created', 'overtaken event acknowledged');
    await told(orderNo, 'Closed', 'duplicate event acknowledged');
    expect(await levelOf(stock, sku)).toEqual({ sku, available: 10, reserved: 0, sold: 0 });
    expect(await movementsOf(stock, orderNo)).toEqual([`RESERVED ${sku} 4`, `RELEASED ${sku} 4`]);
  });

  it('that is closed has a reservation refused that comes later', async () => {
    const wish = wishFor(['MUG-BLUE', 1]);
    await told(wish.orderNo, 'Closed');
    expect(await outcomeOf(stock.post('/reservations', wish))).toBe('409 STOCK.RELEASED');
    expect(await movementsOf(stock, wish.orderNo)).toEqual([]);
  });

  it.each(['Created', 'Paid'] as const)(
    'without a reservation has its %s tried again, and is served when that is there',
    async (type) => {
      const sku = await received(stock, 10);
      const wish = wishFor([sku, 1]);
      await told(wish.orderNo, type, 'event not handled, to be retried');
      expect(await outcomeOf(stock.post('/reservations', wish))).toBe('200');
      await broker.drain(ORDERS_GROUP, 'ORDER_EVENTS');
      expect(await statusOf(stock, wish.orderNo)).toEqual({
        status: type === 'Paid' ? 'CONFIRMED' : 'RESERVED',
        isOrderKnown: true,
      });
    },
  );

  it('that nobody has reserved anything for is a dead letter in the end, with the reason', async () => {
    const { orderNo } = wishFor();
    await tell(orderNo, 'Paid');
    await logged(orderNo, 'event not handled, to be retried');
    await broker.drain(ORDERS_GROUP, 'ORDER_EVENTS');
    expect(stock.logged(orderNo, 'event not handled, to be retried')).toBe(RETRY_COUNT);
    expect(await reasonOfDeadLetter(ORDERS_GROUP, orderNo)).toMatch(
      /^STOCK.NOT_RESERVED: order .* has no reservation/,
    );
  });

  it.each<[Kind, string, RegExp]>([
    ['Created', 'was placed', /^STOCK.CONTRADICTION: order .* was placed, and its goods were let/],
    [
      'Paid',
      'was paid',
      /^STOCK.CONTRADICTION: order .* was paid, and its reservation is RELEASED/,
    ],
  ])('whose goods were let go, and %s says it %s, is a dead letter', async (type, _was, reason) => {
    const sku = await received(stock, 10);
    const { orderNo } = await reserved(stock, [sku, 1]);
    await outcomeOf(stock.post(`/reservations/${orderNo}/release`, {}));
    await told(orderNo, type, 'event is a dead letter now');
    expect(await reasonOfDeadLetter(ORDERS_GROUP, orderNo)).toMatch(reason);
    await logged(orderNo, 'dead letter parked, it stays in the DLQ');
    expect(await levelOf(stock, sku)).toMatchObject({ available: 10, sold: 0 });
  });

  it('that is paid cannot be closed: a dead letter', async () => {
    const sku = await received(stock, 10);
    const { orderNo } = await reserved(stock, [sku, 1]);
    await told(orderNo, 'Paid');
    await told(orderNo, 'Closed', 'event is a dead letter now');
    expect(await reasonOfDeadLetter(ORDERS_GROUP, orderNo)).toMatch(
      /^STOCK.CONTRADICTION: order .* was closed, and its reservation is CONFIRMED$/,
    );
  });

  it('is not held up by a message that nobody can read, which says why in the DLQ', async () => {
    const sku = await received(stock, 10);
    const { orderNo } = await reserved(stock, [sku, 1]);
    const poison = { topic: 'ORDER_EVENTS', tags: 'Paid', shardingKey: orderNo };
    const noOrder = JSON.stringify({ ...paidEvent, orderNo: 'a b' });
    await producer.send({ ...poison, keys: `${orderNo}-xml`, body: '<xml/>' });
    await producer.send({ ...poison, keys: `${orderNo}-no`, body: noOrder });
    await told(orderNo, 'Paid');
    expect(await reasonOfDeadLetter(ORDERS_GROUP, `${orderNo}-xml`)).toBe(
      'MESSAGE.POISON: the body is not JSON',
    );
    expect(await reasonOfDeadLetter(ORDERS_GROUP, `${orderNo}-no`)).toBe(
      'MESSAGE.POISON: orderNo is not 1 to 64 visible ASCII characters',
    );
  });
});

describe('a refund', () => {
  type Items = [sku: string, quantity: number][];

  async function sold(...items: Items): Promise<string> {
    const { orderNo } = await reserved(stock, ...items);
    await told(orderNo, 'Paid');
    return orderNo;
  }

  async function due(orderNo: string, refundNo: string, items: Items): Promise<void> {
    const step: RefundStepDue = {
      type: 'Restock',
      eventId: randomUUID(),
      refundNo,
      orderNo,
      userId: 'user-1',
      paymentNo: 'P-1',
      refundMinor: 100,
      orderTotalMinor: 400,
      currency: 'EUR',
      occurredAt: '2026-11-30T10:00:00.000Z',
      items: items.map(([sku, quantity]) => ({ sku, quantity })),
      isWhole: false,
    };
    await producer.send({
      topic: 'REFUND_EVENTS',
      tags: 'Restock',
      keys: orderNo,
      body: JSON.stringify(step),
    });
  }

  const resultsOf = async (refundNo: string): Promise<RefundStepResult[]> =>
    (await broker.messages('REFUND_STEP_RESULTS'))
      .map((message) => JSON.parse(message.text()) as RefundStepResult)
      .filter((result) => result.refundNo === refundNo);

  /** Sends the step and waits for so many results, which it gives. */
  async function restocked(
    orderNo: string,
    refundNo: string,
    items: Items,
    count = 1,
  ): Promise<RefundStepResult[]> {
    await due(orderNo, refundNo, items);
    await until(async () => (await resultsOf(refundNo)).length >= count, {
      what: `${count} result(s) of ${refundNo}`,
    });
    return resultsOf(refundNo);
  }

  const newRefundNo = (): string => `R-${randomUUID().slice(0, 12)}`;

  it('puts its items back on the shelf, and tells so', async () => {
    const [tea, mug] = [await received(stock, 10), await received(stock, 10)];
    const orderNo = await sold([tea, 4], [mug, 2]);
    const refundNo = newRefundNo();
    const results = await restocked(orderNo, refundNo, [[tea, 3]]);
    expect(results).toMatchObject([{ type: 'Done', orderNo, refundNo, step: 'Restock' }]);
    expect(await levelOf(stock, tea)).toEqual({ sku: tea, available: 9, reserved: 0, sold: 1 });
    expect(await levelOf(stock, mug)).toMatchObject({ available: 8, sold: 2 });
    expect(await movementsOf(stock, refundNo)).toEqual([`RESTOCKED ${tea} 3`]);
  });

  it('that is asked for again, under another eventId, tells so again and does nothing', async () => {
    const sku = await received(stock, 10);
    const orderNo = await sold([sku, 4]);
    const refundNo = newRefundNo();
    await restocked(orderNo, refundNo, [[sku, 4]]);
    const results = await restocked(orderNo, refundNo, [[sku, 4]], 2);
    expect(results.map(({ type }) => type)).toEqual(['Done', 'Done']);
    expect(await levelOf(stock, sku)).toEqual({ sku, available: 10, reserved: 0, sold: 0 });
    expect(await movementsOf(stock, refundNo)).toEqual([`RESTOCKED ${sku} 4`]);
  });

  it('fails when more would come back than was sold, over all refunds of the order', async () => {
    const sku = await received(stock, 10);
    const orderNo = await sold([sku, 4]);
    await restocked(orderNo, newRefundNo(), [[sku, 3]]);
    expect(await restocked(orderNo, newRefundNo(), [[sku, 2]])).toMatchObject([
      { type: 'Failed', note: `2 of ${sku} are to come back, 1 of the order are out` },
    ]);
    expect(await restocked(orderNo, newRefundNo(), [['NEVER-BOUGHT', 1]])).toMatchObject([
      { type: 'Failed', note: expect.stringContaining('0 of the order are out') },
    ]);
    expect(await restocked(orderNo, newRefundNo(), [[sku, 1]])).toMatchObject([{ type: 'Done' }]);
    expect(await levelOf(stock, sku)).toEqual({ sku, available: 10, reserved: 0, sold: 0 });
  });

  it('is one of two at once that want the same pieces', async () => {
    const sku = await received(stock, 10);
    const orderNo = await sold([sku, 4]);
    const [one, other] = [newRefundNo(), newRefundNo()];
    const results = await Promise.all([
      restocked(orderNo, one, [[sku, 4]]),
      restocked(orderNo, other, [[sku, 4]]),
    ]);
    expect(
      results
        .flat()
        .map(({ type }) => type)
        .toSorted(),
    ).toEqual(['Done', 'Failed']);
    expect(await levelOf(stock, sku)).toMatchObject({ available: 10, sold: 0 });
  });

  it('of an order that was closed puts nothing back: money that came too late has no goods', async () => {
    const sku = await received(stock, 10);
    const { orderNo } = await reserved(stock, [sku, 4]);
    await told(orderNo, 'Closed');
    expect(await restocked(orderNo, newRefundNo(), [])).toMatchObject([{ type: 'Done' }]);
    expect(await restocked(orderNo, newRefundNo(), [[sku, 4]])).toMatchObject([{ type: 'Failed' }]);
    expect(await levelOf(stock, sku)).toMatchObject({ available: 10, sold: 0 });
  });

  it('that overtakes the payment is tried again', async () => {
    const sku = await received(stock, 10);
    const { orderNo } = await reserved(stock, [sku, 4]);
    const refundNo = newRefundNo();
    await due(orderNo, refundNo, [[sku, 4]]);
    await logged(orderNo, 'event not handled, to be retried');
    await told(orderNo, 'Paid');
    await broker.drain(RESTOCK_GROUP, 'REFUND_EVENTS');
    await until(async () => (await resultsOf(refundNo)).length > 0, { what: 'the result' });
    expect(await levelOf(stock, sku)).toMatchObject({ available: 10, sold: 0 });
  });

  it('that names something else under a number used before is a dead letter, and told as failed', async () => {
    const sku = await received(stock, 10);
    const [orderNo, otherNo] = [await sold([sku, 4]), await sold([sku, 1])];
    const refundNo = newRefundNo();
    await restocked(orderNo, refundNo, [[sku, 2]]);
    await due(orderNo, refundNo, [[sku, 1]]);
    await due(otherNo, refundNo, [[sku, 1]]);
    expect(await reasonOfDeadLetter(RESTOCK_GROUP, orderNo)).toMatch(
      /^STOCK.RESTOCKED_OTHERWISE: refund .* has put back other items/,
    );
    expect(await reasonOfDeadLetter(RESTOCK_GROUP, otherNo)).toMatch(
      /^STOCK.RESTOCKED_OTHERWISE: refund .* has put back goods of another order/,
    );
    expect(await levelOf(stock, sku)).toMatchObject({ available: 7, sold: 3 });
    await until(async () => (await resultsOf(refundNo)).length >= 3, { what: 'three results' });
    const results = (await resultsOf(refundNo)).map(({ type, note }) => `${type}: ${note}`);
    expect(results.toSorted()).toEqual([
      'Done: the goods are back in stock',
      expect.stringMatching(/^Failed: STOCK.RESTOCKED_OTHERWISE: refund .* put back goods of/),
      expect.stringMatching(/^Failed: STOCK.RESTOCKED_OTHERWISE: refund .* put back other items/),
    ]);
  });

  it('leaves the ledger the sum of every level', async () => {
    expect(await unbalanced(stock)).toEqual([]);
  });
});
