import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Pool, RowDataPacket } from 'mysql2/promise';
import { createSynchronousPool } from '../../../loadtest/synchronous/pool.ts';
import { createSynchronousSchema } from '../../../loadtest/synchronous/schema.ts';
import {
  createSynchronousServer,
  type SynchronousServer,
} from '../../../loadtest/synchronous/server.ts';
import {
  CHANNEL_SIGNATURE_HEADER,
  CHANNEL_TIMESTAMP_HEADER,
  signCallback,
} from '../../../services/contracts/channel-callback.ts';

const secret = 'a-secret-of-enough-letters';
const databaseUrl = process.env['DATABASE_URL'] ?? '';
const order = { userId: 'anna', items: [{ sku: 'TEA-GREEN-100', quantity: 2 }] };

/** A channel and carrier that count what they are asked, and fail as often as they are told. */
class Others {
  readonly charged = new Map<string, number>();
  readonly shipped = new Map<string, number>();
  failCharges = 0;
  failShipments = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      void bodyOf(request).then((body) => {
        const status = this.#answerTo(request.url ?? '', JSON.parse(body) as Wish);
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ status: 'PROCESSING', trackingNo: 'TRK-1' }));
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answerTo(path: string, wish: Wish): number {
    if (path === '/charges') {
      if (this.failCharges-- > 0) return 500;
      this.charged.set(wish.requestNo, (this.charged.get(wish.requestNo) ?? 0) + 1);
      void callBack(wish);
      return 202;
    }
    if (this.failShipments-- > 0) return 503;
    this.shipped.set(wish.requestNo, (this.shipped.get(wish.requestNo) ?? 0) + 1);
    return 200;
  }
}

interface Wish {
  requestNo: string;
  amountMinor: number;
  currency: string;
  callbackUrl: string;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body === '' ? '{}' : body;
}

async function callBack({ requestNo, amountMinor, currency, callbackUrl }: Wish): Promise<void> {
  const rawBody = JSON.stringify({
    nonce: randomUUID(),
    requestNo,
    chargeNo: `CH-${requestNo}`,
    outcome: 'SUCCEEDED',
    amountMinor,
    currency,
    settledAt: new Date().toISOString(),
  });
  const timestampMs = Date.now();
  await fetch(callbackUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      [CHANNEL_TIMESTAMP_HEADER]: String(timestampMs),
      [CHANNEL_SIGNATURE_HEADER]: signCallback(secret, timestampMs, rawBody),
    },
    body: rawBody,
  });
}

describe('the checkout without a queue', () => {
  let others: Others;
  let pool: Pool;
  let server: SynchronousServer;

  beforeAll(async () => {
    await createSynchronousSchema(databaseUrl);
    pool = createSynchronousPool(databaseUrl, 8);
  });

  beforeEach(async () => {
    await server?.close();
    others?.close();
    others = new Others();
    server = await createSynchronousServer({
      pool,
      thirdPartyUrl: await others.listen(),
      channelSecret: secret,
    });
  });

  afterAll(async () => {
    await server.close();
    others.close();
    await pool.end();
  });

  const checkOut = async (
    key: string,
    body: object = order,
  ): Promise<{ status: number; orderNo: string; detail: string }> => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/checkouts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
    });
    return {
      ...((await answer.json()) as { orderNo: string; detail: string }),
      status: answer.status,
    };
  };

  const countOf = async (table: string, orderNo: string, column = 'order_no'): Promise<number> => {
    const [rows] = await pool.query<RowDataPacket[]>(
      `SELECT COUNT(*) AS count FROM ${table} WHERE ${column} = ?`,
      [orderNo],
    );
    return Number(rows[0]!['count']);
  };

  it('does everything before it answers', async () => {
    const { status, orderNo } = await checkOut(randomUUID());
    expect(status).toBe(201);
    const counts = await Promise.all(
      [
        'orders',
        'order_items',
        'payments',
        'coupons',
        'red_packets',
        'points_movements',
        'shipments',
      ].map((table) => countOf(table, orderNo)),
    );
    expect(counts).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect(await countOf('stock_movements', orderNo, 'reference')).toBe(2);
    expect(await countOf('notifications', orderNo)).toBe(3);
    expect([others.charged.size, others.shipped.size]).toEqual([1, 1]);
  });

  it('does nothing twice when the same request comes again, or twice at once', async () => {
    const key = randomUUID();
    const [first, second] = await Promise.all([checkOut(key), checkOut(key)]);
    const third = await checkOut(key);
    expect(new Set([first.orderNo, second.orderNo, third.orderNo]).size).toBe(1);
    expect(await countOf('coupons', first.orderNo)).toBe(1);
    expect(await countOf('notifications', first.orderNo)).toBe(3);
  });

  it('asks a third party that fails once more, and then says so; the next request goes on from there', async () => {
    others.failCharges = 1;
    expect((await checkOut(randomUUID())).status).toBe(201);
    others.failShipments = 2;
    const key = randomUUID();
    expect(await checkOut(key)).toMatchObject({ status: 502, detail: '/shipments answered 503' });
    const again = await checkOut(key);
    expect(again.status).toBe(201);
    expect(others.charged.size).toBe(2);
    expect(await countOf('points_movements', again.orderNo)).toBe(1);
  });

  it('sells no piece that is not there', async () => {
    await pool.query("UPDATE stock_levels SET available = 1 WHERE sku = 'MUG-BLUE'");
    const refused = await checkOut(randomUUID(), {
      userId: 'anna',
      items: [{ sku: 'MUG-BLUE', quantity: 2 }],
    });
    expect(refused).toMatchObject({ status: 409, detail: 'there are not 2 of MUG-BLUE' });
    expect(others.charged.size).toBe(0);
  });

  it.each([
    [{ items: order.items }, /userId/],
    [{ userId: 'anna', items: [] }, /items must be a list/],
    [{ userId: 'anna', items: [{ sku: 'NONE', quantity: 1 }] }, /sku that is not in the catalogue/],
    [
      { userId: 'anna', items: [{ sku: 'MUG-BLUE', quantity: 0 }] },
      /no whole number from 1 to 999/,
    ],
  ])('refuses %j and names the field', async (body, detail) => {
    expect(await checkOut(randomUUID(), body)).toMatchObject({
      status: 400,
      detail: expect.stringMatching(detail),
    });
  });
});
