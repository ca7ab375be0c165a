import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Buyer, type OrderPlan } from '../../../infra/demo/buyer.ts';

interface Answer {
  status: number;
  body: object;
}

/** Answers in the given order; the last one again and again. */
let answers: Answer[];
let asked: { path: string; key: string | undefined }[];
let shop: Server;
let refusedCount: number;
let buyer: Buyer;

beforeEach(async () => {
  asked = [];
  refusedCount = 0;
  shop = createServer((request, response) => {
    const key = request.headers['idempotency-key'];
    asked.push({ path: request.url ?? '', key: key === undefined ? undefined : String(key) });
    const { status, body } = (answers.length > 1 ? answers.shift() : answers[0])!;
    request.resume();
    response.writeHead(status).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => void shop.listen(0, '127.0.0.1', resolve));
  const order = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`;
  buyer = new Buyer({ order, coupon: '', push: '' }, () => refusedCount++);
});

afterEach(async () => {
  shop.closeAllConnections();
  await new Promise((resolve) => shop.close(resolve));
});

const plan: OrderPlan = { number: 1, isPaid: true, isImpatient: false };
const placed: Answer = { status: 201, body: { orderNo: '4711' } };
const notNow: Answer = { status: 503, body: { code: 'BROKER.UNAVAILABLE' } };

describe('a buyer of the demo', () => {
  it('comes back with the same key when the shop says "not now"', async () => {
    answers = [notNow, notNow, placed];
    expect(await buyer.place(plan)).toBe('4711');
    expect(refusedCount).toBe(2);
    expect(asked.map(({ path }) => path)).toEqual(['/orders', '/orders', '/orders']);
    expect(new Set(asked.map(({ key }) => key)).size).toBe(1);
  });

  it('takes a new key for every order', async () => {
    answers = [placed];
    await buyer.place(plan);
    await buyer.place(plan);
    expect(new Set(asked.map(({ key }) => key)).size).toBe(2);
  });

  it('does not come back when the shop says no', async () => {
    answers = [{ status: 400, body: { code: 'ORDER.UNKNOWN_SKU' } }];
    await expect(buyer.place(plan)).rejects.toThrow(/answers 400: .*ORDER.UNKNOWN_SKU/);
    expect(asked).toHaveLength(1);
  });

  it('asks twice when impatient, and notices when that makes two orders', async () => {
    answers = [placed, { status: 201, body: { orderNo: '4712' } }];
    await expect(buyer.place({ ...plan, isImpatient: true })).rejects.toThrow(
      'one Idempotency-Key stands for several orders: 4711, 4712',
    );
  });

  it('must get 409 when paying too late', async () => {
    answers = [{ status: 409, body: { detail: 'order 4711 is CANCELLED' } }];
    expect(await buyer.payTooLate('4711')).toBe('order 4711 is CANCELLED');
    answers = [{ status: 200, body: {} }];
    await expect(buyer.payTooLate('4711')).rejects.toThrow('answers 200, it must be 409');
  });
});
