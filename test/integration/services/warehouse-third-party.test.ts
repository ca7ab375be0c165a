import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { WAREHOUSE_EVENTS } from '../../../services/contracts/warehouse-events.ts';
import { until } from '../../support/deadline.ts';
import { startService, type RunningService } from './shop.ts';
import { PACKING_MS, SHIP_GROUP, WarehouseWorld } from './warehouse-world.ts';

const ordered = [
  { sku: 'MUG-BLUE', quantity: 1 },
  { sku: 'TEA-GREEN-100', quantity: 2 },
];

let third: RunningService;
let world: WarehouseWorld;

beforeAll(async () => {
  third = await startService('third-party', {
    env: {
      CHANNEL_SECRET: 'a secret of the tests',
      THIRD_PARTY_SEED: '4711',
      CARRIER_LATENCY_MS: '0',
    },
  });
  world = await WarehouseWorld.start({ THIRD_PARTY_URL: third.url });
});

beforeEach(() => behave({ latencyMs: 0, errorRate: 0, lostAnswerRate: 0, failNextShipments: 0 }));

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await third[Symbol.asyncDispose]();
});

async function behave(carrier: object): Promise<void> {
  const answer = await fetch(`${third.url}/behaviour`, {
    method: 'PUT',
    body: JSON.stringify({ carrier }),
    headers: { 'content-type': 'application/json' },
  });
  expect(answer.status).toBe(200);
}

const atCarrier = (shipmentNo: string): Promise<unknown> =>
  third.query('SELECT status, order_no, items FROM carrier_shipments WHERE request_no = ?', [
    shipmentNo,
  ]);

const beingHandedOver = async (orderNo: string): Promise<void> => {
  await world.broker.clock.advance(PACKING_MS);
  await until(() => world.warehouse.logged(orderNo, 'event not handled, to be retried') === 1);
};

describe('with the carrier of the shop, the warehouse', () => {
  it('ships what is left of an order, by the carrier’s tracking number', async () => {
    const orderNo = await world.packing(ordered);
    const taken = [{ sku: 'TEA-GREEN-100', quantity: 1 }];
    await world.untilResults(await world.returnGoods(orderNo, taken));
    await behave({ failNextShipments: 2 });
    await world.handOver();
    const { shipmentNo, trackingNo } = await world.untilStatus(orderNo, 'SHIPPED');
    expect(trackingNo).toMatch(/^TRK-/);
    expect(await atCarrier(shipmentNo)).toEqual([
      {
        status: 'ACCEPTED',
        order_no: orderNo,
        items: JSON.stringify([ordered[0], { sku: 'TEA-GREEN-100', quantity: 1 }]),
      },
    ]);
    expect(await world.untilAnnounced(orderNo)).toMatchObject([{ trackingNo }]);
  });

  it('learns what the carrier has taken and not answered', async () => {
    const orderNo = await world.packing(ordered);
    await behave({ lostAnswerRate: 1 });
    await beingHandedOver(orderNo);
    const refundNo = await world.returnGoods(orderNo, ordered);
    await until(() =>
      world.warehouse
        .lines()
        .some((line) => line['code'] === 'WAREHOUSE.LEAVING' && line['orderNo'] === orderNo),
    );
    await behave({ lostAnswerRate: 0 });
    await world.handOver();
    const { shipmentNo, trackingNo } = await world.untilStatus(orderNo, 'SHIPPED');
    const answer = await third.get(`/shipments/${shipmentNo}`);
    expect(await answer.json()).toMatchObject({ status: 'ACCEPTED', trackingNo });
    await world.broker.clock.advance(PACKING_MS);
    await world.untilReturn(orderNo, refundNo, 'AWAITED');
    expect(await world.announced(orderNo)).toHaveLength(1);
  });

  it('has a parcel stopped that the carrier has not taken, and never ships it', async () => {
    const orderNo = await world.packing(ordered);
    await behave({ failNextShipments: 1 });
    await beingHandedOver(orderNo);
    const refundNo = await world.returnGoods(orderNo, ordered);
    expect(await world.untilResults(refundNo)).toMatchObject([{ type: 'Done' }]);
    const { shipmentNo } = await world.untilStatus(orderNo, 'CANCELLED');
    await world.broker.drain(SHIP_GROUP, WAREHOUSE_EVENTS);
    expect(await atCarrier(shipmentNo)).toMatchObject([{ status: 'CANCELLED' }]);
    expect(await world.announced(orderNo)).toEqual([]);
  });
});
