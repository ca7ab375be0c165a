import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { REFUND_EVENTS } from '../../../services/contracts/refund-events.ts';
import { WAREHOUSE_EVENTS } from '../../../services/contracts/warehouse-events.ts';
import { paidEvent } from '../../services/order-event-samples.ts';
import { until } from '../../support/deadline.ts';
import { undecidedCount } from './half-messages.ts';
import {
  PACKING_MS,
  RETRY_COUNT,
  RETURN_GROUP,
  SHIP_GROUP,
  WarehouseWorld,
  type Conduct,
  type Goods,
} from './warehouse-world.ts';

const PAID_GROUP = 'warehouse-on-order-paid';
const MINUTE_MS = 60_000;
const TEA = (quantity: number): Goods => ({ sku: 'TEA', quantity });
const MUG = (quantity: number): Goods => ({ sku: 'MUG', quantity });
const ordered = [TEA(2), MUG(1)];

let world: WarehouseWorld;

beforeAll(async () => {
  world = await WarehouseWorld.start();
});

beforeEach(() => {
  world.carrier.conduct = 'answers';
});

afterAll(() => world[Symbol.asyncDispose]());

/** Lets the dead letter listener and the retries have their time until it is so. */
async function inTime(isSo: () => Promise<boolean>, what: string): Promise<void> {
  await until(
    async () => {
      if (await isSo()) return true;
      await world.broker.clock.advance(MINUTE_MS);
      return false;
    },
    { what, timeoutMs: 60_000, pollMs: 50 },
  );
}

const isStatus = (orderNo: string, status: string) => async (): Promise<boolean> =>
  (await world.shipmentOf(orderNo))?.status === status;

describe('a paid order', () => {
  it('is packed, handed over and announced once', async () => {
    const orderNo = await world.packing([TEA(1), MUG(1), TEA(1)]);
    expect(await world.shipmentOf(orderNo)).toMatchObject({
      orderNo,
      status: 'REQUESTED',
      items: [
        { ...MUG(1), cancelledQuantity: 0 },
        { ...TEA(2), cancelledQuantity: 0 },
      ],
      returns: [],
    });
    await world.handOver();
    const [event] = await world.untilAnnounced(orderNo);
    const shipment = await world.untilStatus(orderNo, 'SHIPPED');
    const { shipmentNo, trackingNo, shippedAt } = shipment;
    expect(trackingNo).toBe(`TRK-${shipmentNo}`);
    expect(event).toMatchObject({ orderNo, shipmentNo, trackingNo, occurredAt: shippedAt });
    expect(world.carrier.askedFor(orderNo)).toEqual([[MUG(1), TEA(2)]]);
    expect(await world.announced(orderNo)).toHaveLength(1);
  });

  it('is packed once, however often and under whatever eventId that is told', async () => {
    const eventId = randomUUID();
    const orderNo = await world.paid(ordered, { eventId });
    await world.paid(ordered, { orderNo, eventId });
    await world.paid(ordered, { orderNo });
    await world.broker.consumed(PAID_GROUP, 'ORDER_EVENTS');
    await until(() => world.warehouse.logged(orderNo, 'message sent') > 0);
    await world.handOver();
    await world.untilAnnounced(orderNo);
    const where = `order_no = '${orderNo}'`;
    expect(await world.warehouse.count('shipments', where)).toBe(1);
    expect(await world.warehouse.count('outbox_messages', `message_key = '${orderNo}'`)).toBe(1);
    expect(world.carrier.askedFor(orderNo)).toHaveLength(1);
    expect(await world.announced(orderNo)).toHaveLength(1);
  });

  it('is announced once when it is to be handed over twice at once', async () => {
    const orderNo = await world.packing(ordered);
    const { shipmentNo } = (await world.shipmentOf(orderNo))!;
    const requested = {
      type: 'ShipmentRequested',
      orderNo,
      shipmentNo,
      occurredAt: new Date().toISOString(),
    };
    let askedCount = 0;
    world.carrier.conductOf = async () => {
      askedCount++;
      // Neither is answered before both have asked.
      await until(() => askedCount >= 2);
      return 'answers' as const;
    };
    // Of one key, and yet side by side: a consumer takes several messages of a queue at once.
    for (const eventId of [randomUUID(), randomUUID()]) {
      await world.send(WAREHOUSE_EVENTS, { ...requested, eventId } as typeof requested);
    }
    await world.untilAnnounced(orderNo);
    world.carrier.conductOf = () => world.carrier.conduct;
    await world.handOver();
    await until(async () => (await undecidedCount(world.broker)) === 0);
    expect(await world.announced(orderNo)).toHaveLength(1);
  });

  it('takes PACKING_MS to be packed', async () => {
    const orderNo = await world.packing(ordered);
    await world.broker.clock.advance(PACKING_MS - MINUTE_MS);
    await world.broker.consumed(SHIP_GROUP, WAREHOUSE_EVENTS);
    expect(await world.shipmentOf(orderNo)).toMatchObject({ status: 'REQUESTED' });
    expect(world.carrier.askedFor(orderNo)).toEqual([]);
    await world.broker.clock.advance(MINUTE_MS);
    await world.untilStatus(orderNo, 'SHIPPED');
  });
});

describe('a carrier', () => {
  it.each(['fails', 'hangs', 'losesAnswers'] as const)(
    'that %s is asked again with the same parcel, and ships it once',
    async (conduct) => {
      const orderNo = await world.handingOver(ordered, conduct);
      const retried = 'event not handled, to be retried';
      await until(() => world.warehouse.logged(orderNo, retried) === 1);
      world.carrier.conduct = 'answers';
      await world.handOver();
      const { shipmentNo } = await world.untilStatus(orderNo, 'SHIPPED');
      await world.untilAnnounced(orderNo);
      expect(world.carrier.askedFor(orderNo)).toEqual([
        [MUG(1), TEA(2)],
        [MUG(1), TEA(2)],
      ]);
      expect(world.carrier.taken.get(shipmentNo)).toBeDefined();
      expect(await world.announced(orderNo)).toHaveLength(1);
    },
  );

  it('that is away too long makes a dead letter, which is delivered when it is back', async () => {
    world.carrier.conduct = 'fails';
    const orderNo = await world.packing(ordered);
    await world.handOver();
    await until(async () => (await world.deadLetterReasons(SHIP_GROUP, orderNo)).length === 1);
    expect(await world.deadLetterReasons(SHIP_GROUP, orderNo)).toEqual([
      'THIRD_PARTY.UNAVAILABLE: third-party answered 500, try again',
    ]);
    expect(world.carrier.askedFor(orderNo).length).toBeGreaterThan(RETRY_COUNT);
    const again = 'dead letter not delivered, to be tried again';
    await until(() => world.warehouse.logged(orderNo, again) > 0);
    expect(await world.shipmentOf(orderNo)).toMatchObject({ status: 'HANDING_OVER' });
    world.carrier.conduct = 'answers';
    await inTime(isStatus(orderNo, 'SHIPPED'), 'the delivery of the dead letter');
    await world.untilAnnounced(orderNo);
    expect(await world.announced(orderNo)).toHaveLength(1);
  });

  it('that refuses a parcel for good makes a dead letter at once', async () => {
    const orderNo = await world.packing(ordered);
    const { shipmentNo } = (await world.shipmentOf(orderNo))!;
    world.carrier.taken.set(shipmentNo, { orderNo: 'another', items: [] });
    await world.handOver();
    await until(async () => (await world.deadLetterReasons(SHIP_GROUP, orderNo)).length === 1);
    expect(await world.deadLetterReasons(SHIP_GROUP, orderNo)).toEqual([
      expect.stringContaining(`CARRIER.REFUSED: the carrier does not take shipment ${shipmentNo}`),
    ]);
  });

  it('that says a parcel was cancelled is not believed before a refund says so', async () => {
    const orderNo = await world.packing(ordered);
    const { shipmentNo } = (await world.shipmentOf(orderNo))!;
    world.carrier.cancelled.add(shipmentNo);
    await world.handOver();
    await until(async () => (await world.deadLetterReasons(SHIP_GROUP, orderNo)).length === 1);
    expect(await world.deadLetterReasons(SHIP_GROUP, orderNo)).toEqual([
      `CARRIER.CANCELLED: the carrier says that shipment ${shipmentNo} was cancelled, here it is HANDING_OVER`,
    ]);
    const refundNo = await world.returnGoods(orderNo, ordered);
    await world.untilResults(refundNo);
    expect(await world.shipmentOf(orderNo)).toMatchObject({ status: 'CANCELLED' });
    const isAcknowledged = async (): Promise<boolean> =>
      world.warehouse.logged(orderNo, 'overtaken event acknowledged') > 0;
    await inTime(isAcknowledged, 'the end of the dead letter');
  });
});

it('announces by the spool what is shipped while the broker is away', async () => {
  const orderNo = await world.packing(ordered);
  world.broker.faults.refuseSends({ topic: WAREHOUSE_EVENTS });
  await world.broker.clock.advance(PACKING_MS);
  await world.untilStatus(orderNo, 'SHIPPED');
  await until(() => world.warehouse.logged(orderNo, 'message spooled') === 1);
  expect(await world.announced(orderNo)).toEqual([]);
  world.broker.faults.endAll();
  await world.untilAnnounced(orderNo);
  await until(async () => (await undecidedCount(world.broker)) === 0);
  expect(await world.announced(orderNo)).toHaveLength(1);
});

describe('a refund before the parcel is handed over', () => {
  it('of all of it cancels the parcel, and the carrier is never asked', async () => {
    const orderNo = await world.packing(ordered);
    const refundNo = await world.returnGoods(orderNo, ordered);
    expect(await world.untilResults(refundNo)).toEqual([
      expect.objectContaining({ type: 'Done', step: 'ReturnGoods', orderNo }),
    ]);
    await world.handOver();
    await until(() => world.warehouse.logged(orderNo, 'overtaken event acknowledged') === 1);
    expect(await world.shipmentOf(orderNo)).toMatchObject({
      status: 'CANCELLED',
      returns: [{ refundNo, status: 'CANCELLED', items: ordered }],
    });
    expect(world.carrier.askedFor(orderNo)).toEqual([]);
    expect(await world.announced(orderNo)).toEqual([]);
  });

  it('of a part has the rest shipped', async () => {
    const orderNo = await world.packing(ordered);
    await world.untilResults(await world.returnGoods(orderNo, [TEA(1)]));
    await world.handOver();
    await world.untilAnnounced(orderNo);
    expect(world.carrier.askedFor(orderNo)).toEqual([[MUG(1), TEA(1)]]);
  });

  it('and another take out what each wants, until nothing is left', async () => {
    const orderNo = await world.packing(ordered);
    for (const part of [[TEA(1)], [TEA(1), MUG(1)]]) {
      const [result] = await world.untilResults(await world.returnGoods(orderNo, part));
      expect(result).toMatchObject({ type: 'Done' });
    }
    await world.handOver();
    expect(await world.shipmentOf(orderNo)).toMatchObject({ status: 'CANCELLED' });
    expect(world.carrier.askedFor(orderNo)).toEqual([]);
  });

  it('and one after it has left see to what each can', async () => {
    const orderNo = await world.packing(ordered);
    await world.untilResults(await world.returnGoods(orderNo, [TEA(1)]));
    await world.handOver();
    await world.untilStatus(orderNo, 'SHIPPED');
    const refundNo = await world.returnGoods(orderNo, [TEA(1), MUG(1)]);
    const { shipmentNo } = await world.untilReturn(orderNo, refundNo, 'AWAITED');
    expect((await world.receipt(shipmentNo, refundNo)).status).toBe(200);
    expect(await world.untilResults(refundNo)).toMatchObject([{ type: 'Done' }]);
  });

  it.each<[string, Goods[], string]>([
    ['more than there is', [TEA(3)], '3 of TEA cannot come back, 2 are there (REQUESTED)'],
    ['twice what there is', [MUG(1), MUG(1)], '2 of MUG cannot come back, 1 are there (REQUESTED)'],
    [
      'another thing',
      [{ sku: 'CUP', quantity: 1 }],
      '1 of CUP cannot come back, 0 are there (REQUESTED)',
    ],
  ])('of %s is for a person to look at, and changes nothing', async (_what, goods, note) => {
    const orderNo = await world.packing(ordered);
    const refundNo = await world.returnGoods(orderNo, goods);
    expect(await world.untilResults(refundNo)).toMatchObject([{ type: 'Failed', note }]);
    expect(await world.shipmentOf(orderNo)).toMatchObject({ status: 'REQUESTED', returns: [] });
  });

  it('that comes before the payment is heard of is tried again', async () => {
    const orderNo = `order-${randomUUID()}`;
    const refundNo = await world.returnGoods(orderNo, ordered);
    await until(() => world.warehouse.logged(orderNo, 'event not handled, to be retried') === 1);
    await world.paid(ordered, { orderNo });
    await world.untilStatus(orderNo, 'REQUESTED');
    await world.broker.drain(RETURN_GROUP, REFUND_EVENTS);
    expect(await world.untilResults(refundNo)).toMatchObject([{ type: 'Done' }]);
    expect(await world.shipmentOf(orderNo)).toMatchObject({ status: 'CANCELLED' });
  });

  it('without goods is done, whether or not there is a parcel', async () => {
    const refundNo = await world.returnGoods(`order-${randomUUID()}`, []);
    expect(await world.untilResults(refundNo)).toMatchObject([
      { type: 'Done', note: 'no goods belong to this refund' },
    ]);
  });
});

describe('a refund while the parcel is being handed over', () => {
  it('of all of it has the carrier not take it', async () => {
    const orderNo = await world.handingOver(ordered, 'fails');
    const refundNo = await world.returnGoods(orderNo, ordered);
    expect(await world.untilResults(refundNo)).toMatchObject([{ type: 'Done' }]);
    const { shipmentNo, status } = (await world.shipmentOf(orderNo))!;
    expect(status).toBe('CANCELLED');
    expect(world.carrier.cancelled).toContain(shipmentNo);
    world.carrier.conduct = 'answers';
    await world.handOver();
    expect(world.carrier.takenOf(orderNo)).toBeUndefined();
    expect(await world.announced(orderNo)).toEqual([]);
  });

  it('of all of it waits while the carrier does not even take a cancellation', async () => {
    const orderNo = await world.handingOver(ordered, 'gone');
    const refundNo = await world.returnGoods(orderNo, ordered);
    await until(() =>
      world.warehouse
        .lines()
        .some((line) => line['group'] === RETURN_GROUP && line['orderNo'] === orderNo),
    );
    expect(await world.results(refundNo)).toEqual([]);
    world.carrier.conduct = 'fails';
    await inTime(isStatus(orderNo, 'CANCELLED'), 'the cancellation');
    expect(await world.untilResults(refundNo)).toMatchObject([{ type: 'Done' }]);
  });

  it.each<[string, Goods[], Conduct]>([
    ['of all of it, which the carrier has', ordered, 'losesAnswers'],
    ['of a part, which the carrier has', [TEA(1)], 'losesAnswers'],
    ['of a part, which the carrier does not have yet', [TEA(1)], 'fails'],
  ])('%s, is waited for until it has left', async (_what, goods, conduct) => {
    const orderNo = await world.handingOver(ordered, conduct);
    const refundNo = await world.returnGoods(orderNo, goods);
    await until(() =>
      world.warehouse
        .lines()
        .some((line) => line['code'] === 'WAREHOUSE.LEAVING' && line['orderNo'] === orderNo),
    );
    world.carrier.conduct = 'answers';
    await world.handOver();
    const { shipmentNo } = await world.untilStatus(orderNo, 'SHIPPED');
    await world.broker.drain(RETURN_GROUP, REFUND_EVENTS);
    await world.untilReturn(orderNo, refundNo, 'AWAITED');
    expect(await world.results(refundNo)).toEqual([]);
    expect(
      new Set(world.carrier.askedFor(orderNo).map((items) => JSON.stringify(items))).size,
    ).toBe(1);
    expect((await world.receipt(shipmentNo, refundNo)).status).toBe(200);
    expect(await world.untilResults(refundNo)).toMatchObject([{ type: 'Done' }]);
  });

  it('that took its goods out before does not stop the rest when its step comes again', async () => {
    const orderNo = await world.packing([TEA(2)]);
    const eventId = randomUUID();
    const refundNo = await world.returnGoods(orderNo, [TEA(1)], { eventId });
    await world.untilResults(refundNo);
    world.carrier.conduct = 'fails';
    await world.broker.clock.advance(PACKING_MS);
    await world.untilStatus(orderNo, 'HANDING_OVER');
    await world.returnGoods(orderNo, [TEA(1)], { refundNo });
    await world.returnGoods(orderNo, [TEA(1)], { refundNo, eventId });
    await world.untilResults(refundNo, 2);
    await world.broker.consumed(RETURN_GROUP, REFUND_EVENTS);
    expect(world.carrier.cancelled).not.toContain((await world.shipmentOf(orderNo))!.shipmentNo);
    world.carrier.conduct = 'answers';
    await world.handOver();
    await world.untilStatus(orderNo, 'SHIPPED');
    expect(world.carrier.takenOf(orderNo)).toEqual([TEA(1)]);
  });
});

describe('a refund of what has left', () => {
  it('is done when the receipt comes, once, however often that comes', async () => {
    const orderNo = await world.shipped(ordered);
    const refundNo = await world.returnGoods(orderNo, [TEA(1)]);
    const { shipmentNo } = await world.untilReturn(orderNo, refundNo, 'AWAITED');
    expect(await world.results(refundNo)).toEqual([]);
    const receipts = await Promise.all(
      Array.from({ length: 3 }, () => world.receipt(shipmentNo, refundNo)),
    );
    const answers = await Promise.all(receipts.map((each) => each.json()));
    expect(receipts.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers[0]).toMatchObject({
      refundNo,
      shipmentNo,
      status: 'RECEIVED',
      items: [TEA(1)],
      settledAt: expect.any(String),
    });
    expect(answers.every((each) => JSON.stringify(each) === JSON.stringify(answers[0]))).toBe(true);
    await world.untilResults(refundNo);
    await until(
      async () => (await world.warehouse.count('outbox_messages', 'sent_at IS NULL')) === 0,
    );
    expect(await world.results(refundNo)).toMatchObject([{ type: 'Done', step: 'ReturnGoods' }]);
  });

  it('is told again to be done when its step comes again, and not before it is', async () => {
    const orderNo = await world.shipped(ordered);
    const eventId = randomUUID();
    const refundNo = await world.returnGoods(orderNo, ordered, { eventId });
    const { shipmentNo } = await world.untilReturn(orderNo, refundNo, 'AWAITED');
    await world.returnGoods(orderNo, ordered, { refundNo });
    await world.returnGoods(orderNo, ordered, { refundNo, eventId });
    await world.broker.consumed(RETURN_GROUP, REFUND_EVENTS);
    expect(await world.results(refundNo)).toEqual([]);
    await world.receipt(shipmentNo, refundNo);
    await world.untilResults(refundNo);
    await world.returnGoods(orderNo, ordered, { refundNo });
    const results = await world.untilResults(refundNo, 2);
    expect(results.map(({ type }) => type)).toEqual(['Done', 'Done']);
    expect(await world.warehouse.count('goods_returns', `refund_no = '${refundNo}'`)).toBe(1);
  });

  it('counts what is on its way back for another', async () => {
    const orderNo = await world.shipped(ordered);
    const first = await world.returnGoods(orderNo, [TEA(1)]);
    await world.untilReturn(orderNo, first, 'AWAITED');
    const second = await world.returnGoods(orderNo, [TEA(2)]);
    expect(await world.untilResults(second)).toMatchObject([
      { type: 'Failed', note: '2 of TEA cannot come back, 1 are there (SHIPPED)' },
    ]);
    const third = await world.returnGoods(orderNo, [TEA(1), MUG(1)]);
    await world.untilReturn(orderNo, third, 'AWAITED');
  });
});

describe('a receipt', () => {
  const problemOf = async (answer: Response): Promise<unknown> => {
    const { status, code } = (await answer.json()) as { status: number; code: string };
    expect(answer.status).toBe(status);
    return `${status} ${code}`;
  };

  it('of another refund, of another shipment or of none is 404', async () => {
    const orderNo = await world.shipped(ordered);
    const refundNo = await world.returnGoods(orderNo, [TEA(1)]);
    const { shipmentNo } = await world.untilReturn(orderNo, refundNo, 'AWAITED');
    for (const [shipment, refund] of [
      [shipmentNo, 'refund-4711'],
      ['20261120-7K3M9Q2T4VXA', refundNo],
      ['4711', refundNo],
      ['%D0%BA%D0%BB%D1%8E%D1%87', refundNo],
    ]) {
      expect(await problemOf(await world.receipt(shipment!, refund!))).toBe(
        '404 WAREHOUSE.NO_RETURN',
      );
    }
    expect(await world.results(refundNo)).toEqual([]);
  });

  it('of goods that never left is 409', async () => {
    const orderNo = await world.packing(ordered);
    const refundNo = await world.returnGoods(orderNo, ordered);
    await world.untilResults(refundNo);
    const { shipmentNo } = (await world.shipmentOf(orderNo))!;
    expect(await problemOf(await world.receipt(shipmentNo, refundNo))).toBe(
      '409 WAREHOUSE.NOT_AWAITED',
    );
  });

  it.each<[unknown, string]>([
    [{}, 'refundNo'],
    [{ refundNo: 4711 }, 'refundNo'],
    [{ refundNo: '' }, 'refundNo'],
    [{ refundNo: 'a b' }, 'refundNo'],
    [{ refundNo: 'ключ' }, 'refundNo'],
    [{ refundNo: 'x'.repeat(65) }, 'refundNo'],
    [{ refundNo: 'refund-1', items: [] }, 'items'],
  ])('is refused with %j', async (body, field) => {
    const path = '/shipments/20261120-7K3M9Q2T4VXA/return-receipts';
    const answer = await world.warehouse.post(path, body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'REQUEST.INVALID', errors: [{ field }] });
  });
});

describe('asking for shipments', () => {
  it('of an order nobody has paid finds none', async () => {
    const answer = await world.warehouse.get('/shipments?orderNo=4711');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ items: [] });
  });

  it.each([
    '',
    '?orderNo=',
    '?orderNo=a%20b',
    `?orderNo=${'x'.repeat(65)}`,
    '?orderNo=a&orderNo=b',
  ])('without an order number is refused: %j', async (query) => {
    const answer = await world.warehouse.get(`/shipments${query}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ errors: [{ field: 'orderNo' }] });
  });
});

describe('a message nobody can read', () => {
  it.each([
    ['ORDER_EVENTS', 'Paid', PAID_GROUP],
    [WAREHOUSE_EVENTS, 'ShipmentRequested', SHIP_GROUP],
    [REFUND_EVENTS, 'ReturnGoods', RETURN_GROUP],
  ])(
    'on %s is a dead letter with the reason, which the others pass',
    async (topic, tags, group) => {
      const key = `poison-${randomUUID()}`;
      await world.producer.send({ topic, tags, keys: key, body: '<xml/>' });
      await until(async () => (await world.deadLetterReasons(group, key)).length === 1);
      expect(await world.deadLetterReasons(group, key)).toEqual([
        'MESSAGE.POISON: the body is not JSON',
      ]);
    },
  );

  it.each<[string, Goods, string]>([
    ['a sku no shelf has', { sku: 'ключ', quantity: 1 }, 'a sku is not 1 to 64'],
    ['a quantity no shelf holds', TEA(2 ** 31), '2147483648 of TEA are more than 2147483647'],
  ])('is one that was paid with %s', async (_what, item, reason) => {
    const orderNo = await world.paid([item]);
    await until(async () => (await world.deadLetterReasons(PAID_GROUP, orderNo)).length === 1);
    expect(await world.deadLetterReasons(PAID_GROUP, orderNo)).toEqual([
      expect.stringContaining(
        `WAREHOUSE.NOT_PACKABLE: order ${orderNo} cannot be packed: ${reason}`,
      ),
    ]);
  });

  it('is a refund that has another order here', async () => {
    const refundNo = await world.returnGoods(await world.packing(ordered), [TEA(1)]);
    await world.untilResults(refundNo);
    const orderNo = await world.packing(ordered);
    await world.returnGoods(orderNo, [TEA(1)], { refundNo });
    await until(async () => (await world.deadLetterReasons(RETURN_GROUP, orderNo)).length === 1);
    expect(await world.deadLetterReasons(RETURN_GROUP, orderNo)).toEqual([
      expect.stringContaining(`WAREHOUSE.RETURNED_OTHERWISE: refund ${refundNo} is of order`),
    ]);
  });

  it('about a shipment that is not there is a dead letter after its tries', async () => {
    const orderNo = `order-${randomUUID()}`;
    const shipmentNo = '20261120-7K3M9Q2T4VXA';
    const { occurredAt } = paidEvent;
    const eventId = randomUUID();
    const event = { type: 'ShipmentRequested', orderNo, shipmentNo, occurredAt, eventId };
    await world.send(WAREHOUSE_EVENTS, event);
    await world.handOver();
    await until(async () => (await world.deadLetterReasons(SHIP_GROUP, orderNo)).length === 1);
    expect(await world.deadLetterReasons(SHIP_GROUP, orderNo)).toEqual([
      expect.stringContaining(`WAREHOUSE.NO_SHIPMENT: there is no shipment ${shipmentNo}`),
    ]);
  });
});
