import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { placeFirstOrders } from '../../../infra/demo/scenario.ts';
import { until } from '../../support/deadline.ts';

let shop: Server;
let order: string;
/** By the path: `/orders` or `/orders/…/pay`. */
let asked: string[];

beforeEach(async () => {
  let placedCount = 0;
  asked = [];
  const orderNoOf = new Map<string, string>();
  shop = createServer((request, response) => {
    request.resume();
    if (request.url?.startsWith('/orders') === true) asked.push(request.url);
    const key = String(request.headers['idempotency-key']);
    if (!orderNoOf.has(key)) orderNoOf.set(key, `order-${(placedCount += 1)}`);
    response.end(JSON.stringify({ orderNo: orderNoOf.get(key) }));
  });
  await new Promise<void>((resolve) => void shop.listen(0, '127.0.0.1', resolve));
  order = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`;
});

afterEach(async () => {
  shop.closeAllConnections();
  await new Promise((resolve) => shop.close(resolve));
});

describe('the buyers of the demo', () => {
  it('wait while the broker is being caught, so that there are local transactions to catch', async () => {
    let release: () => void = () => undefined;
    const caught = new Promise<void>((resolve) => (release = resolve));
    let waitingCount = 0;
    const placing = placeFirstOrders(
      { order, coupon: '', push: '' },
      {
        onPlaced: async (count) => {
          if (count < 8) return;
          waitingCount += 1;
          await caught;
        },
        onRefused: () => undefined,
      },
    );
    await until(() => waitingCount >= 4, { what: 'four buyers that wait' });
    const askedBefore = asked.length;
    // Who did not wait would overtake these.
    for (let probe = 0; probe < 20; probe += 1) await fetch(`${order}/probe`);
    expect(asked.length).toBe(askedBefore);
    release();
    const { paid, unpaid } = await placing;
    expect({ paid: paid.length, unpaid: unpaid.length }).toEqual({ paid: 13, unpaid: 4 });
  });
});
