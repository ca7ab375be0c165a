import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import {
  REFUND_EVENTS,
  RefundStep,
  type RefundStepDue,
} from '../../../services/contracts/refund-events.ts';
import { until } from '../../support/deadline.ts';
import { createShopTopics } from './shop-messages.ts';
import { startService, type RunningService } from './shop.ts';
import { unbalanced } from './stock-room.ts';

const MINUTE_MS = 60_000;
const PACKING_MS = 10 * MINUTE_MS;
const QUERY_DELAY_MS = 24 * 60 * MINUTE_MS;
const steps = Object.values(RefundStep);

let broker: TestBroker;
type Part = 'order' | 'stock' | 'coupon' | 'payment' | 'points' | 'warehouse' | 'refund' | 'third';
let shop: Record<Part, RunningService>;

/** Nobody knows a port before it is listened on, and these services must know one another's. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

beforeAll(async () => {
  broker = await testBroker({ timeoutMs: 20_000 });
  await createShopTopics(broker, 2);
  const { namesrvAddr } = broker;
  const [orderPort, paymentPort] = [await freePort(), await freePort()];
  const ORDER_URL = `http://127.0.0.1:${orderPort}`;
  const PAYMENT_URL = `http://127.0.0.1:${paymentPort}`;
  const CHANNEL_SECRET = 'a secret of the tests';
  const third = await startService('third-party', {
    env: { CHANNEL_SECRET, CARRIER_LATENCY_MS: '0', CHANNEL_LATENCY_MS: '0' },
  });
  const stock = await startService('stock', { namesrvAddr, env: { ORDER_URL } });
  const coupon = await startService('coupon', { namesrvAddr, env: { ORDER_URL } });
  shop = {
    third,
    stock,
    coupon,
    order: await startService('order', {
      namesrvAddr,
      port: orderPort,
      env: { STOCK_URL: stock.url, COUPON_URL: coupon.url, PAYMENT_URL },
    }),
    payment: await startService('payment', {
      namesrvAddr,
      port: paymentPort,
      env: {
        ORDER_URL,
        THIRD_PARTY_URL: third.url,
        CALLBACK_URL: `${PAYMENT_URL}/channel-callbacks`,
        CHANNEL_SECRET,
        PAYMENT_QUERY_DELAY_MS: String(QUERY_DELAY_MS),
        PAYMENT_GIVE_UP_MS: String(2 * QUERY_DELAY_MS),
        MAX_RECONSUME_TIMES: '1',
      },
    }),
    refund: await startService('refund', { namesrvAddr }),
    points: await startService('points', { namesrvAddr }),
    warehouse: await startService('warehouse', {
      namesrvAddr,
      env: { THIRD_PARTY_URL: third.url, PACKING_MS: String(PACKING_MS) },
    }),
  };
}, 120_000);

afterAll(async () => {
  await Promise.all(Object.values(shop).map((service) => service[Symbol.asyncDispose]()));
  await broker.close();
}, 60_000);

async function json<T>(service: RunningService, path: string): Promise<T> {
  const answer = await service.get(path);
  expect(answer.status).toBe(200);
  return (await answer.json()) as T;
}

interface OrderView {
  orderNo: string;
  userId: string;
  status: string;
  totalMinor: number;
}

interface ShipmentView {
  shipmentNo: string;
  status: string;
  items: { sku: string; quantity: number; cancelledQuantity: number }[];
  returns: { refundNo: string; status: string }[];
}

interface RefundView {
  refundNo: string;
  status: string;
  steps: { name: string; status: string; tryCount: number }[];
}

const orderOf = (orderNo: string): Promise<OrderView> => json(shop.order, `/orders/${orderNo}`);

const refundOf = (refundNo: string): Promise<RefundView> =>
  json(shop.refund, `/refunds/${refundNo}`);

async function shipmentOf(orderNo: string): Promise<ShipmentView | undefined> {
  const { items } = await json<{ items: ShipmentView[] }>(
    shop.warehouse,
    `/shipments?orderNo=${orderNo}`,
  );
  return items[0];
}

const pointsOf = async ({ userId }: OrderView): Promise<number> =>
  (await json<{ points: number }>(shop.points, `/points/${userId}`)).points;

/** What the channel has given back of what was paid for an order, as the payment service knows it. */
async function givenBack(orderNo: string): Promise<number> {
  const { items } = await json<{ items: { paymentNo: string; refundedMinor: number }[] }>(
    shop.payment,
    `/payments?orderNo=${orderNo}`,
  );
  expect(items).toHaveLength(1);
  const { paymentNo, refundedMinor } = items[0]!;
  const charge = await json<{ refundedMinor: number }>(shop.third, `/charges/${paymentNo}`);
  expect(charge.refundedMinor).toBe(refundedMinor);
  return refundedMinor;
}

/** What an order has earned beside its points: its coupon and its red packet. */
async function rewardsOf(orderNo: string): Promise<string[]> {
  const lists = await Promise.all(
    ['coupons', 'red-packets'].map((path) =>
      json<{ items: { status: string }[] }>(shop.coupon, `/${path}?orderNo=${orderNo}`),
    ),
  );
  return lists.flatMap(({ items }) => items.map(({ status }) => status));
}

async function behave(channel: Record<string, number>): Promise<void> {
  const answer = await fetch(`${shop.third.url}/behaviour`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ channel }),
  });
  expect(answer.status).toBe(200);
}

const orderIs = (orderNo: string, status: string): Promise<unknown> =>
  until(async () => (await orderOf(orderNo)).status === status, {
    what: `order ${orderNo} ${status}`,
    timeoutMs: 20_000,
  });

/** What has become of the goods of an order or a refund, by the ledger of the stock. */
async function stockMovements(reference: string): Promise<string[]> {
  const rows = await shop.stock.query<{ kind: string; sku: string; quantity: string }>(
    'SELECT kind, sku, quantity FROM stock_movements WHERE reference = ? ORDER BY sku',
    [reference],
  );
  return rows.map(({ kind, sku, quantity }) => `${kind} ${sku} ${quantity}`);
}

async function placed(): Promise<OrderView> {
  const items = [
    { sku: 'TEA-GREEN-100', quantity: 2 },
    { sku: 'MUG-BLUE', quantity: 1 },
  ];
  const userId = `user-${randomUUID()}`;
  const answer = await shop.order.post(
    '/orders',
    { userId, items },
    { 'Idempotency-Key': randomUUID() },
  );
  expect(answer.status).toBe(201);
  return (await answer.json()) as OrderView;
}

async function pay({ orderNo }: OrderView): Promise<void> {
  const key = { 'Idempotency-Key': randomUUID() };
  expect((await shop.payment.post('/payments', { orderNo }, key)).status).toBe(202);
}

/** Paid, its parcel packed, its points and coupons earned. */
async function paid(): Promise<OrderView> {
  const order = await placed();
  await pay(order);
  await orderIs(order.orderNo, 'PAID');
  await until(() => shipmentOf(order.orderNo), { what: 'the shipment' });
  await until(() => pointsOf(order), { what: 'the points' });
  await until(async () => (await rewardsOf(order.orderNo)).length === 2, { what: 'the rewards' });
  return order;
}

async function shippedOrder(order: OrderView): Promise<ShipmentView> {
  const sent = await until(
    async () => {
      await broker.clock.advance(PACKING_MS);
      const shipment = await shipmentOf(order.orderNo);
      return shipment?.status === 'SHIPPED' ? shipment : undefined;
    },
    { what: 'the parcel on its way', timeoutMs: 20_000, pollMs: 100 },
  );
  await until(async () => 'shippedAt' in (await orderOf(order.orderNo)), { what: 'shippedAt' });
  return sent;
}

interface Wish {
  refundNo: string;
  amountMinor: number;
}

const mug = [{ sku: 'MUG-BLUE', quantity: 1 }];

function ask(orderNo: string, items?: readonly object[]): Promise<Response> {
  return shop.order.post(
    `/orders/${orderNo}/refunds`,
    { ...(items && { items }) },
    { 'Idempotency-Key': randomUUID() },
  );
}

async function refund(orderNo: string, items?: readonly object[]): Promise<Wish> {
  const answer = await ask(orderNo, items);
  expect(answer.status).toBe(202);
  return (await answer.json()) as Wish;
}

const stepOf = async (refundNo: string, name: RefundStep): Promise<string | undefined> =>
  (await refundOf(refundNo)).steps.find((step) => step.name === name)?.status;

/** The goods have left: their refund waits for them, and they come back now. */
async function returned(orderNo: string, { refundNo }: Wish): Promise<void> {
  const awaited = await until(
    async () => {
      const shipment = await shipmentOf(orderNo);
      const known = shipment?.returns.find((each) => each.refundNo === refundNo);
      return known?.status === 'AWAITED' ? shipment : undefined;
    },
    { what: 'the return that is awaited' },
  );
  expect(await stepOf(refundNo, 'ReturnGoods')).toBe('DUE');
  expect((await orderOf(orderNo)).status).toBe('REFUNDING');
  const receipt = await shop.warehouse.post(`/shipments/${awaited.shipmentNo}/return-receipts`, {
    refundNo,
  });
  expect(receipt.status).toBe(200);
}

/** Every step was asked for once and in order, and everybody has done his part. */
async function wasDoneOnce(order: OrderView, wishes: readonly Wish[]): Promise<void> {
  const messages = await broker.messages(REFUND_EVENTS);
  for (const { refundNo } of wishes) {
    const tags = messages
      .filter((message) => (JSON.parse(message.text()) as RefundStepDue).refundNo === refundNo)
      .map((message) => message.tags);
    expect(tags).toEqual([...steps, 'Completed']);
    expect((await refundOf(refundNo)).status).toBe('COMPLETED');
  }
  const sum = wishes.reduce((total, { amountMinor }) => total + amountMinor, 0);
  expect(sum).toBe(order.totalMinor);
  expect(await givenBack(order.orderNo)).toBe(sum);
  expect(await rewardsOf(order.orderNo)).toEqual(['RECALLED', 'RECALLED']);
  expect(await pointsOf(order)).toBe(0);
  expect(await unbalanced(shop.stock)).toEqual([]);
}

describe('an order refunded in part and then whole', () => {
  it('before shipping never leaves, and everything is as if it had not been', async () => {
    const order = await paid();
    const { orderNo } = order;
    const part = await refund(orderNo, mug);
    await orderIs(orderNo, 'PARTIALLY_REFUNDED');
    expect((await shipmentOf(orderNo))?.items).toEqual([
      { sku: 'MUG-BLUE', quantity: 1, cancelledQuantity: 1 },
      { sku: 'TEA-GREEN-100', quantity: 2, cancelledQuantity: 0 },
    ]);
    expect(await stockMovements(part.refundNo)).toEqual(['RESTOCKED MUG-BLUE 1']);
    const rest = await refund(orderNo);
    await orderIs(orderNo, 'REFUNDED');
    expect((await shipmentOf(orderNo))?.status).toBe('CANCELLED');
    expect(await stockMovements(rest.refundNo)).toEqual(['RESTOCKED TEA-GREEN-100 2']);
    await wasDoneOnce(order, [part, rest]);
    expect((await ask(orderNo)).status).toBe(409);
  }, 60_000);

  it('after shipping waits for the goods each time, and says REFUNDING until then', async () => {
    const order = await paid();
    const { orderNo } = order;
    await shippedOrder(order);
    const part = await refund(orderNo, mug);
    const second = await ask(orderNo);
    expect(second.status).toBe(409);
    expect(await second.json()).toMatchObject({ code: 'ORDER.REFUND_UNDER_WAY' });
    await returned(orderNo, part);
    await orderIs(orderNo, 'PARTIALLY_REFUNDED');
    const rest = await refund(orderNo);
    await returned(orderNo, rest);
    await orderIs(orderNo, 'REFUNDED');
    expect((await shipmentOf(orderNo))?.returns).toMatchObject([
      { refundNo: part.refundNo, status: 'RECEIVED' },
      { refundNo: rest.refundNo, status: 'RECEIVED' },
    ]);
    await wasDoneOnce(order, [part, rest]);
  }, 60_000);

  it('before shipping and after it sends what is left, and has that come back', async () => {
    const order = await paid();
    const { orderNo } = order;
    const part = await refund(orderNo, mug);
    await orderIs(orderNo, 'PARTIALLY_REFUNDED');
    await shippedOrder(order);
    expect((await orderOf(orderNo)).status).toBe('PARTIALLY_REFUNDED');
    const rest = await refund(orderNo);
    await returned(orderNo, rest);
    await orderIs(orderNo, 'REFUNDED');
    await wasDoneOnce(order, [part, rest]);
  }, 60_000);
});

describe('a refund whose money the channel keeps', () => {
  it('is stuck, says REFUNDING all the while, and is through when a person has it tried again', async () => {
    const order = await paid();
    const { orderNo } = order;
    await shippedOrder(order);
    const wish = await refund(orderNo);
    // One try and one retry, which the payment service is allowed; then it gives up.
    await behave({ failNextRefunds: 2 });
    await returned(orderNo, wish);
    await until(
      async () => {
        await broker.clock.advance(MINUTE_MS);
        return (await refundOf(wish.refundNo)).status === 'STUCK';
      },
      { what: 'STUCK', pollMs: 100 },
    );
    expect((await orderOf(orderNo)).status).toBe('REFUNDING');
    expect(await givenBack(orderNo)).toBe(0);
    expect((await shop.refund.post(`/refunds/${wish.refundNo}/retry`)).status).toBe(202);
    await orderIs(orderNo, 'REFUNDED');
    expect((await refundOf(wish.refundNo)).steps.map(({ tryCount }) => tryCount)).toEqual([
      1, 1, 1, 1, 2,
    ]);
    expect(await givenBack(orderNo)).toBe(order.totalMinor);
    expect(await pointsOf(order)).toBe(0);
  }, 60_000);
});

describe('a refund whose step is refused for good', () => {
  it('is stuck with the reason, and is through when that is mended and a person has it tried again', async () => {
    const order = await paid();
    const { orderNo } = order;
    const other = await placed();
    await shippedOrder(order);
    const wish = await refund(orderNo);
    // Its number stands for something else at the stock already.
    await shop.stock.query(
      'INSERT INTO restocks (refund_no, order_no, restocked_at) VALUES (?, ?, NOW())',
      [wish.refundNo, other.orderNo],
    );
    await returned(orderNo, wish);
    await until(async () => (await refundOf(wish.refundNo)).status === 'STUCK', { what: 'STUCK' });
    expect((await refundOf(wish.refundNo)).steps[1]).toMatchObject({
      name: 'Restock',
      status: 'FAILED',
      note: expect.stringMatching(/^STOCK.RESTOCKED_OTHERWISE: refund /),
    });
    expect((await orderOf(orderNo)).status).toBe('REFUNDING');
    await shop.stock.query('DELETE FROM restocks WHERE refund_no = ?', [wish.refundNo]);
    expect((await shop.refund.post(`/refunds/${wish.refundNo}/retry`)).status).toBe(202);
    await orderIs(orderNo, 'REFUNDED');
    expect((await refundOf(wish.refundNo)).steps.map(({ tryCount }) => tryCount)).toEqual([
      1, 2, 1, 1, 1,
    ]);
    expect(await givenBack(orderNo)).toBe(order.totalMinor);
    expect(await unbalanced(shop.stock)).toEqual([]);
  }, 60_000);
});

describe('money that comes when the order is closed', () => {
  it('goes back, and nothing else does: nothing was earned, sent or sold', async () => {
    const order = await placed();
    const { orderNo } = order;
    await behave({ lostCallbackRate: 1 });
    await pay(order);
    // Waited for, and for a while longer, since the payment is under way.
    shop.order.moveClock(60 * MINUTE_MS);
    await until(
      async () => {
        await broker.clock.advance(10 * MINUTE_MS);
        return (await orderOf(orderNo)).status === 'CANCELLED';
      },
      { what: 'CANCELLED', pollMs: 100 },
    );
    // Only now is the channel asked, and says that it has the money.
    await broker.clock.advance(QUERY_DELAY_MS);
    const [late] = await until(
      async () => {
        const { items } = await json<{ items: RefundView[] }>(
          shop.refund,
          `/refunds?orderNo=${orderNo}&status=COMPLETED`,
        );
        return items.length > 0 ? items : undefined;
      },
      { what: 'the money back', timeoutMs: 20_000 },
    );
    expect(late?.steps).toMatchObject([{ name: 'ReturnMoney', status: 'DONE' }]);
    expect(await givenBack(orderNo)).toBe(order.totalMinor);
    expect(await rewardsOf(orderNo)).toEqual([]);
    expect((await orderOf(orderNo)).status).toBe('CANCELLED');
    expect(await shipmentOf(orderNo)).toBeUndefined();
    expect(await pointsOf(order)).toBe(0);
    expect(await unbalanced(shop.stock)).toEqual([]);
  }, 60_000);
});
