import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ShopClient } from '../../../infra/demo/shop-client.ts';

/** `cut`: the connection is lost before there is an answer. */
type Answer = { status: number; body: object | string } | 'cut';

/** In the order in which they are given; the last one again and again. */
let answers: Answer[];
let asked: { method: string; path: string; key: string | undefined; body: string }[];
let server: Server;
let shop: ShopClient;

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      const key = request.headers['idempotency-key'];
      asked.push({
        method: request.method ?? '',
        path: request.url ?? '',
        key: key === undefined ? undefined : String(key),
        body,
      });
      const answer = (answers.length > 1 ? answers.shift() : answers[0])!;
      if (answer === 'cut') {
        request.socket.destroy();
        return;
      }
      const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
      response.writeHead(answer.status).end(text);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  shop = new ShopClient({
    order: url,
    coupon: url,
    push: url,
    stock: url,
    payment: url,
    points: url,
    warehouse: url,
    refund: url,
    'third-party': url,
    flashsale: url,
    sync: url,
  });
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const wish = { userId: 'user-1', items: [{ sku: 'TEA', quantity: 1 }] };
const placed: Answer = { status: 201, body: { orderNo: 'A' } };
const notNow: Answer = { status: 503, body: { code: 'BROKER.UNAVAILABLE' } };

describe('a customer of the demo', () => {
  it('comes back with the same key when the shop says "not just now", or nothing', async () => {
    answers = [notNow, 'cut', placed];
    expect(await shop.place(wish, false)).toBe('A');
    expect(shop.refusedCount).toBe(2);
    expect(asked.map(({ path }) => path)).toEqual(['/orders', '/orders', '/orders']);
    expect(new Set(asked.map(({ key }) => key)).size).toBe(1);
  });

  it('takes a new key for every wish', async () => {
    answers = [placed];
    await shop.place(wish, false);
    await shop.place(wish, false);
    expect(new Set(asked.map(({ key }) => key)).size).toBe(2);
  });

  it('does not come back when the shop says no', async () => {
    answers = [{ status: 400, body: { code: 'ORDER.UNKNOWN_SKU' } }];
    await expect(shop.place(wish, false)).rejects.toThrow(/answers 400: .*ORDER.UNKNOWN_SKU/);
    expect(asked).toHaveLength(1);
  });

  it('asks twice under one key when impatient, and is content with one number', async () => {
    answers = [{ status: 201, body: { paymentNo: 'P' } }];
    expect(await shop.pay('A', true)).toBe('P');
    expect(asked).toHaveLength(2);
    expect(asked[0]).toEqual(asked[1]);
  });

  it('complains about two numbers for one key', async () => {
    answers = [placed, { status: 201, body: { orderNo: 'B' } }];
    await expect(shop.place(wish, true)).rejects.toThrow(
      /one Idempotency-Key stands for two of .*\/orders: A, B/,
    );
  });

  it('complains about an answer without a number', async () => {
    answers = [{ status: 201, body: {} }];
    await expect(shop.pay('A', false)).rejects.toThrow(/payments answers no number/);
  });

  it('who comes late pays, or hears that the order was closed', async () => {
    answers = [notNow, { status: 202, body: { paymentNo: 'P' } }];
    expect(await shop.payInTime('A', false)).toBe('P');
    answers = [{ status: 409, body: { detail: 'order A is CANCELLED' } }];
    expect(await shop.payInTime('A', false)).toBeUndefined();
    answers = [{ status: 404, body: {} }];
    await expect(shop.payInTime('A', false)).rejects.toThrow('answers 404');
  });

  it('must be refused with 409 what comes too late, and hears why', async () => {
    answers = [{ status: 409, body: { detail: 'order A is CANCELLED' } }];
    expect(await shop.refused('order', '/orders/A/refunds', {})).toBe('order A is CANCELLED');
    answers = [{ status: 200, body: {} }];
    await expect(shop.refused('order', '/orders/A/refunds', {})).rejects.toThrow(
      /answers 200, it must be 409/,
    );
  });

  it('asks for all that is left of an order, or for some of it', async () => {
    answers = [{ status: 202, body: { refundNo: 'R' } }];
    await shop.refund('A', undefined);
    await shop.refund('A', [{ sku: 'TEA', quantity: 1 }]);
    expect(asked.map(({ path, body }) => [path, body])).toEqual([
      ['/orders/A/refunds', '{}'],
      ['/orders/A/refunds', '{"items":[{"sku":"TEA","quantity":1}]}'],
    ]);
  });

  it('waits for the status of an order, whatever the shop answers meanwhile', async () => {
    answers = [
      notNow,
      'cut',
      { status: 200, body: { status: 'PENDING' } },
      { status: 200, body: { status: 'PAID' } },
    ];
    expect(await shop.untilOrderIs('A', 'PAID', 'SHIPPED')).toEqual({ status: 'PAID' });
  });

  it('brings back goods that have left, when the warehouse waits for them', async () => {
    const shipment = (returns: object[]): Answer => ({
      status: 200,
      body: { items: [{ shipmentNo: 'S', returns }] },
    });
    answers = [
      { status: 200, body: { items: [] } },
      shipment([{ refundNo: 'R0', status: 'RECEIVED' }]),
      shipment([{ refundNo: 'R', status: 'AWAITED' }]),
      { status: 200, body: {} },
    ];
    await shop.bringBack('A', 'R');
    expect(asked.at(-1)).toMatchObject({
      method: 'POST',
      path: '/shipments/S/return-receipts',
      body: '{"refundNo":"R"}',
    });
  });

  it('has nothing to bring back when the goods were taken out in time', async () => {
    const returns = [{ refundNo: 'R', status: 'CANCELLED' }];
    answers = [{ status: 200, body: { items: [{ shipmentNo: 'S', returns }] } }];
    await shop.bringBack('A', 'R');
    expect(asked.map(({ method }) => method)).toEqual(['GET']);
  });

  it('sums up a number of the metrics, over all labels or those that are named', async () => {
    const body = [
      '# HELP callbacks_total Callbacks',
      'callbacks_total{outcome="accepted"} 5',
      'callbacks_total{outcome="duplicate"} 2',
      'callbacks_total_other{outcome="duplicate"} 100',
    ].join('\n');
    answers = [{ status: 200, body }];
    expect(await shop.metric('payment', 'callbacks_total')).toBe(7);
    expect(await shop.metric('payment', 'callbacks_total', 'outcome="duplicate"')).toBe(2);
  });
});

describe('refunds at which the channel is to fail', () => {
  it('are told all at a time, and never more than the third party takes', async () => {
    answers = [{ status: 200, body: {} }];
    for (let number = 1; number <= 120; number += 1) await shop.failRefundsOf(`P-${number}`, 2);
    const told = asked.map(
      ({ body }) =>
        (JSON.parse(body) as { channel: { failRefundsOf: Record<string, number> } }).channel
          .failRefundsOf,
    );
    expect(told[1]).toEqual({ 'P-1': 2, 'P-2': 2 });
    expect(Math.max(...told.map((map) => Object.keys(map).length))).toBeLessThanOrEqual(100);
    expect(told.at(-1)).toHaveProperty('P-120', 2);
  });
});
