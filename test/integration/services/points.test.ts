import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import type { OrderPaid } from '../../../services/contracts/order-events.ts';
import type { RefundStepDue } from '../../../services/contracts/refund-events.ts';
import type { RefundStepResult } from '../../../services/contracts/refund-step-results.ts';
import { DeductPoints } from '../../../services/points/application/deduct-points.ts';
import { EarnPoints } from '../../../services/points/application/earn-points.ts';
import { recordingLog } from '../../services/recording-log.ts';
import { paidEvent } from '../../services/order-event-samples.ts';
import { until } from '../../support/deadline.ts';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import { createShopTopics } from './shop-messages.ts';
import { startService, type RunningService } from './shop.ts';

const EARN_GROUP = 'points-on-order-paid';
const DEDUCT_GROUP = 'points-on-deduct-due';

let broker: TestBroker;
let producer: Producer;
let points: RunningService;

beforeAll(async () => {
  broker = await testBroker({ timeoutMs: 20_000 });
  await createShopTopics(broker, 2);
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  points = await startService('points', {
    namesrvAddr: broker.namesrvAddr,
    env: { MAX_RECONSUME_TIMES: '2' },
  });
}, 60_000);

afterAll(async () => {
  await points[Symbol.asyncDispose]();
  await producer.shutdown();
  await broker.close();
});

function paid(other: Partial<OrderPaid> = {}): OrderPaid {
  const orderNo = `order-${randomUUID()}`;
  return { ...paidEvent, orderNo, userId: `user-${orderNo}`, eventId: randomUUID(), ...other };
}

function due(order: OrderPaid, other: Partial<RefundStepDue> = {}): RefundStepDue {
  return {
    type: 'DeductPoints',
    eventId: randomUUID(),
    refundNo: `refund-${randomUUID()}`,
    orderNo: order.orderNo,
    userId: order.userId,
    paymentNo: order.paymentNo,
    refundMinor: order.totalMinor,
    orderTotalMinor: order.totalMinor,
    currency: 'EUR',
    items: [{ sku: 'TEA-GREEN-100', quantity: 2 }],
    isWhole: true,
    occurredAt: '2026-11-20T12:00:00.000Z',
    ...other,
  };
}

async function tell(topic: string, tags: string, keys: string, body: string): Promise<void> {
  await producer.send({ topic, tags, keys, shardingKey: keys, body });
}

const tellPaid = (event: OrderPaid): Promise<void> =>
  tell('ORDER_EVENTS', 'Paid', event.orderNo, JSON.stringify(event));

const tellDue = (event: RefundStepDue): Promise<void> =>
  tell('REFUND_EVENTS', 'DeductPoints', event.orderNo, JSON.stringify(event));

interface Movement {
  kind: string;
  reference: string;
  points: number;
}

async function movementsOf(orderNo: string): Promise<Movement[]> {
  const answer = await points.get(`/points?orderNo=${orderNo}`);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { items: Movement[] }).items;
}

async function balanceOf(userId: string): Promise<number> {
  const answer = await points.get(`/points/${encodeURIComponent(userId)}`);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { points: number }).points;
}

async function resultsOf(orderNo: string): Promise<RefundStepResult[]> {
  const messages = await broker.messages('REFUND_STEP_RESULTS');
  return messages
    .filter(({ keys }) => keys.includes(orderNo))
    .map((message) => JSON.parse(message.text()) as RefundStepResult);
}

const results = (orderNo: string, count: number): Promise<RefundStepResult[]> =>
  until(
    async () => {
      const found = await resultsOf(orderNo);
      return found.length >= count ? found : undefined;
    },
    { what: `${count} result(s) of ${orderNo}` },
  );

const logged = (orderNo: string, text: string, count = 1): Promise<unknown> =>
  until(() => points.logged(orderNo, text) >= count, { what: `${count} × "${text}"` });

/** An order that has its points. */
async function earned(other: Partial<OrderPaid> = {}): Promise<OrderPaid> {
  const order = paid(other);
  await tellPaid(order);
  await logged(order.orderNo, 'event handled');
  return order;
}

describe('a paid order', () => {
  it('earns its points once, though its message comes again and its fact under another eventId', async () => {
    const order = await earned();
    await tellPaid(order);
    await logged(order.orderNo, 'duplicate event acknowledged');
    await tellPaid({ ...order, eventId: randomUUID() });
    await logged(order.orderNo, 'the order has its points already; this event told of it again');
    expect(await movementsOf(order.orderNo)).toEqual([
      {
        kind: 'EARNED',
        reference: order.orderNo,
        orderNo: order.orderNo,
        userId: order.userId,
        points: 13,
        occurredAt: expect.stringMatching(/Z$/),
      },
    ]);
    expect(await balanceOf(order.userId)).toBe(13);
  });

  it.each([
    ['an umlaut and an emoji', 'Jürgen 🫖'],
    ['128 characters of three bytes', '茶'.repeat(128)],
    ['a slash and a percent sign', 'a/b%2F?#'],
  ])('of a user with %s can be asked after', async (_what, name) => {
    const userId = name.length === 128 ? name : `${name} ${randomUUID()}`;
    await earned({ userId });
    expect(await balanceOf(userId)).toBe(13);
    // By its bytes: a user of another spelling is another user.
    for (const other of [`${userId.slice(0, -1)} `, userId.slice(1)]) {
      expect(await balanceOf(other)).toBe(0);
    }
  });

  it.each([
    ['nothing', 0, 0],
    ['less than a point', 99, 0],
    ['the most there is', Number.MAX_SAFE_INTEGER, 90_071_992_547_409],
  ])('over %s earns what that comes to, and gives it back', async (_what, totalMinor, count) => {
    const order = await earned({ totalMinor });
    expect(await balanceOf(order.userId)).toBe(count);
    await tellDue(due(order));
    expect(await results(order.orderNo, 1)).toMatchObject([
      { type: 'Done', note: `${count} points deducted` },
    ]);
    expect(await balanceOf(order.userId)).toBe(0);
  });

  it('shares the balance of its user with all others', async () => {
    const userId = `user-${randomUUID()}`;
    const log = recordingLog().log;
    const earn = points.app.get(EarnPoints);
    await Promise.all(
      Array.from({ length: 20 }, () => {
        const order = paid({ userId });
        const { eventId } = order;
        return earn.execute(order, { consumerGroup: EARN_GROUP, eventId, messageId: 'M' }, log);
      }),
    );
    expect(await balanceOf(userId)).toBe(20 * 13);
  });
});

describe('a refund', () => {
  it('takes back the points once, and says so again when it is asked again', async () => {
    const order = await earned();
    const step = due(order);
    await tellDue(step);
    const [first] = await results(order.orderNo, 1);
    expect(first).toMatchObject({
      type: 'Done',
      refundNo: step.refundNo,
      step: 'DeductPoints',
      note: '13 points deducted',
    });
    await tellDue(step);
    await logged(order.orderNo, 'duplicate event acknowledged');
    // An operator has the step tried again.
    await tellDue({ ...step, eventId: randomUUID() });
    const [, again] = await results(order.orderNo, 2);
    expect(again).toMatchObject({ type: 'Done', note: '13 points were deducted before' });
    expect(again?.eventId).not.toBe(first?.eventId);
    expect(await resultsOf(order.orderNo)).toHaveLength(2);
    expect(await movementsOf(order.orderNo)).toMatchObject([
      { kind: 'EARNED', points: 13 },
      { kind: 'DEDUCTED', reference: step.refundNo, points: 13 },
    ]);
    expect(await balanceOf(order.userId)).toBe(0);
  });

  it('of parts takes back all in the end, a part of nothing nothing', async () => {
    const order = await earned();
    for (const [index, refundMinor] of [690, 0, 345, 345].entries()) {
      await tellDue(due(order, { refundMinor, isWhole: index === 3 }));
      await results(order.orderNo, index + 1);
    }
    const movements = await movementsOf(order.orderNo);
    expect(movements.map(({ points: count }) => count)).toEqual([13, 6, 0, 3, 4]);
    expect(await balanceOf(order.userId)).toBe(0);
  });

  it('of two parts at once takes back no point twice and forgets none', async () => {
    const order = await earned();
    const deduct = points.app.get(DeductPoints);
    await Promise.all(
      Array.from({ length: 20 }, () => {
        const step = due(order, { refundMinor: 69, isWhole: false });
        const { eventId } = step;
        return deduct.execute(step, { consumerGroup: DEDUCT_GROUP, eventId, messageId: 'M' });
      }),
    );
    const movements = await movementsOf(order.orderNo);
    expect(movements).toHaveLength(21);
    expect(await balanceOf(order.userId)).toBe(0);
    expect(await results(order.orderNo, 20)).toHaveLength(20);
  });

  it('asked for twice at once under two eventIds takes back the points once, and is told twice', async () => {
    const order = await earned();
    const step = due(order);
    const deduct = points.app.get(DeductPoints);
    await Promise.all(
      [randomUUID(), randomUUID()].map((eventId) =>
        deduct.execute(step, { consumerGroup: DEDUCT_GROUP, eventId, messageId: 'M' }),
      ),
    );
    expect(await balanceOf(order.userId)).toBe(0);
    const notes = (await results(order.orderNo, 2)).map(({ note }) => note);
    expect(notes.toSorted((a, b) => a.localeCompare(b))).toEqual([
      '13 points deducted',
      '13 points were deducted before',
    ]);
  });

  it('that comes before its order is heard of is retried, becomes a dead letter, and is done after all', async () => {
    const order = paid();
    await tellDue(due(order));
    await broker.drain(DEDUCT_GROUP, 'REFUND_EVENTS');
    expect(points.logged(order.orderNo, 'event not handled, to be retried')).toBe(2);
    const letters = await broker.dlq(DEDUCT_GROUP, { atLeast: 1 });
    expect(letters.at(-1)?.properties.get('DLQ_REASON')).toBe(
      `POINTS.NOT_EARNED_YET: order ${order.orderNo} has no points yet: its payment has not been heard of here`,
    );
    await logged(order.orderNo, 'dead letter not delivered, to be tried again');
    expect(await resultsOf(order.orderNo)).toEqual([]);
    await tellPaid(order);
    await until(() => balanceOf(order.userId), { what: 'the points' });
    await broker.clock.advance('1m');
    expect(await results(order.orderNo, 1)).toMatchObject([{ type: 'Done' }]);
    expect(await balanceOf(order.userId)).toBe(0);
  });

  it('that has taken back the points of another order is a dead letter', async () => {
    const [order, other] = [await earned(), await earned()];
    const step = due(order);
    await tellDue(step);
    await results(order.orderNo, 1);
    await tellDue(due(other, { refundNo: step.refundNo }));
    await logged(other.orderNo, 'event is a dead letter now');
    expect(await balanceOf(other.userId)).toBe(13);
    expect(await resultsOf(other.orderNo)).toEqual([]);
  });

  it('is done, and its result sent, though the broker is killed just before', async () => {
    const order = await earned();
    await broker.kill();
    const step = due(order);
    await points.app.get(DeductPoints).execute(step, {
      consumerGroup: DEDUCT_GROUP,
      eventId: step.eventId,
      messageId: 'M',
    });
    expect(await balanceOf(order.userId)).toBe(0);
    expect(
      await points.count('outbox_messages', `message_key = '${order.orderNo}' AND sent_at IS NULL`),
    ).toBe(1);
    await broker.restart();
    expect(await results(order.orderNo, 1)).toHaveLength(1);
  });
});

describe('a poison message', () => {
  it.each<[string, string, string, (order: OrderPaid) => string, RegExp]>([
    ['not JSON', 'ORDER_EVENTS', 'Paid', () => '<xml/>', /^MESSAGE\.POISON: the body is not JSON$/],
    [
      'an amount of 2^53',
      'ORDER_EVENTS',
      'Paid',
      (order) => JSON.stringify({ ...order, totalMinor: 2 ** 53 }),
      /totalMinor is not an integer ≥ 0$/,
    ],
    [
      'a refund of 2^53',
      'REFUND_EVENTS',
      'DeductPoints',
      (order) => JSON.stringify(due(order, { refundMinor: 2 ** 53 })),
      /refundMinor is not an integer ≥ 0$/,
    ],
    [
      'another step',
      'REFUND_EVENTS',
      'DeductPoints',
      (order) => JSON.stringify(due(order, { type: 'Restock' })),
      /type is Restock, it must be DeductPoints$/,
    ],
  ])(
    '%s goes to the DLQ with its reason, and the others pass',
    async (_what, topic, tag, body, reason) => {
      const poison = paid();
      const group = topic === 'ORDER_EVENTS' ? EARN_GROUP : DEDUCT_GROUP;
      await tell(topic, tag, poison.orderNo, body(poison));
      const order = await earned();
      await tellDue(due(order));
      await results(order.orderNo, 1);
      const letter = await until(
        async () => (await broker.dlq(group)).find(({ keys }) => keys.includes(poison.orderNo)),
        { what: 'the dead letter' },
      );
      expect(letter.properties.get('DLQ_REASON')).toMatch(reason);
      await logged(poison.orderNo, 'dead letter parked, it stays in the DLQ');
      expect(await movementsOf(poison.orderNo)).toEqual([]);
    },
  );
});

describe('the ledger', () => {
  it('adds up after a storm of orders and refunds, told once, twice, and in any order', async () => {
    const seed = Date.now() % 1_000_000;
    const random = new SeededRandom(seed);
    const users = Array.from({ length: 3 }, () => `storm-${randomUUID()}`);
    const orders = Array.from({ length: 30 }, () =>
      paid({ userId: users[random.below(3)]!, totalMinor: random.below(100_000) }),
    );
    const whole = new Set<string>();
    const messages = orders.flatMap((order) => {
      const told = [() => tellPaid(order), () => tellPaid({ ...order, eventId: randomUUID() })];
      let leftMinor = order.totalMinor;
      const isWhole = random.chance(0.5);
      if (isWhole) whole.add(order.orderNo);
      const parts = random.below(4) + (isWhole ? 1 : 0);
      for (let part = 1; part <= parts; part++) {
        const refundMinor = isWhole && part === parts ? leftMinor : random.below(leftMinor + 1);
        leftMinor -= refundMinor;
        const step = due(order, { refundMinor, isWhole: isWhole && part === parts });
        told.push(() => tellDue(step));
        if (random.chance(0.3)) told.push(() => tellDue({ ...step, eventId: randomUUID() }));
        if (random.chance(0.3)) told.push(() => tellDue(step));
      }
      return told;
    });
    for (let left = messages.length; left > 1; left--) {
      const [picked] = messages.splice(random.below(left), 1);
      messages.push(picked!);
    }
    await Promise.all(messages.map((send) => send()));
    await broker.drain(EARN_GROUP, 'ORDER_EVENTS');
    await broker.drain(DEDUCT_GROUP, 'REFUND_EVENTS');
    for (const { orderNo } of orders) {
      const movements = await movementsOf(orderNo);
      const sum = movements.reduce(
        (total, { kind, points: count }) => total + (kind === 'EARNED' ? count : -count),
        0,
      );
      const isEmpty = sum === 0;
      expect({ seed, orderNo, isNegative: sum < 0 }).toEqual({ seed, orderNo, isNegative: false });
      if (whole.has(orderNo))
        expect({ seed, orderNo, isEmpty }).toEqual({ seed, orderNo, isEmpty: true });
    }
    for (const userId of users) {
      const [row] = await points.query<{ sum: string | null }>(
        `SELECT SUM(IF(kind = 'EARNED', points, -points)) AS sum FROM points_movements WHERE user_id = ?`,
        [userId],
      );
      expect({ seed, balance: await balanceOf(userId) }).toEqual({
        seed,
        balance: Number(row?.sum ?? 0),
      });
    }
  }, 90_000);

  it('is shown field by field what is wrong with a question', async () => {
    const none = await points.get('/points');
    expect(none.status).toBe(400);
    expect(await none.json()).toMatchObject({
      code: 'REQUEST.INVALID',
      errors: [{ field: 'orderNo' }],
    });
    for (const query of ['orderNo=', 'orderNo=%C3%BC', 'orderNo=1&orderNo=2', 'orderNo=1&x=1']) {
      expect((await points.get(`/points?${query}`)).status).toBe(400);
    }
    expect(await movementsOf('unknown')).toEqual([]);
    expect(await balanceOf('nobody')).toBe(0);
    expect((await points.get('/points/%FF')).status).toBe(400);
  });
});
