import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import {
  FLASH_ORDERS,
  parseFlashOrderRequested,
  type FlashOrderRequested,
} from '../../../services/contracts/flash-orders.ts';
import { SaleMemory } from '../../../services/flashsale/gate/sale-memory.ts';
import { SaleRedis } from '../../../services/flashsale/redis/sale-redis.ts';
import { SaleState } from '../../../services/flashsale/redis/sale-state.ts';
import { until } from '../../support/deadline.ts';
import type { FakePeer } from './fake-peer.ts';
import { RedisProxy } from './redis-proxy.ts';
import {
  bearer,
  opened,
  order,
  remainingOf,
  settle,
  startGate,
  termsOf,
  ticketOf,
  wellStocked,
} from './sale-desk.ts';
import { dropSchema, newSchema, type RunningService } from './shop.ts';

let broker: TestBroker;
let stock: FakePeer;
let schema: string;
let gate: RunningService;
let other: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  await broker.createTopic(FLASH_ORDERS);
  stock = await wellStocked();
  schema = newSchema();
  gate = await startGate(stock, { schema, namesrvAddr: broker.namesrvAddr });
  other = await startGate(stock, { schema, namesrvAddr: broker.namesrvAddr });
});

afterAll(async () => {
  await gate[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await dropSchema(schema);
  await stock[Symbol.asyncDispose]();
  await broker.close();
});

async function queuedOf(saleId: string): Promise<FlashOrderRequested[]> {
  const messages = await broker.messages(FLASH_ORDERS);
  return messages
    .map((message) => {
      const request = parseFlashOrderRequested(message.text());
      expect(message).toMatchObject({ tags: 'Requested', keys: [request.ticketNo] });
      return request;
    })
    .filter((request) => request.saleId === saleId);
}

const statusOf = async (answer: Promise<Response>): Promise<string> => {
  const { status, body, headers } = await read(answer);
  expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  return `${status} ${String(body['code'])}`;
};

async function read(
  asked: Promise<Response>,
): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const answer = await asked;
  const body = (await answer.json()) as Record<string, unknown>;
  return { status: answer.status, body, headers: answer.headers };
}

describe('a flash sale', () => {
  it('admits as many as there are pieces, none of them twice, through however many gates they come', async () => {
    const saleId = await opened(gate, { stock: 20 });
    const users = Array.from({ length: 60 }, (_, index) => `user-${index}`);
    const answers = await Promise.all(
      users.flatMap((userId) =>
        [gate, other, gate].map(async (door) => ({
          userId,
          ...(await order(door, saleId, userId)),
        })),
      ),
    );
    const admitted = answers.filter(({ outcome }) => outcome === '202');
    expect(admitted).toHaveLength(20);
    expect(new Set(admitted.map(({ userId }) => userId)).size).toBe(20);
    for (const { outcome } of answers) {
      expect(['202', '409 SALE.SOLD_OUT', '409 SALE.ALREADY_BOUGHT']).toContain(outcome);
    }
    const requests = await queuedOf(saleId);
    expect(requests.map(({ ticketNo }) => ticketNo).sort()).toEqual(
      admitted.map(({ ticketNo }) => ticketNo).sort(),
    );
    expect(requests[0]).toMatchObject({ saleId, sku: 'GRINDER-HAND', quantity: 1 });
    expect(await remainingOf(gate, saleId)).toBe(0);
    expect(await gate.app.get(SaleState).pending(saleId, -1_000, 100)).toEqual([]);
    expect(await gate.count('outbox_messages')).toBe(0);
  });

  it('lets a customer have as many as its limit says', async () => {
    const saleId = await opened(gate, { perUserLimit: 3 });
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, async () => (await order(gate, saleId, 'ann')).outcome),
    );
    expect(outcomes.sort()).toEqual([
      '202',
      '202',
      '202',
      '409 SALE.ALREADY_BOUGHT',
      '409 SALE.ALREADY_BOUGHT',
    ]);
  });

  it('answers with a ticket, and where it can be asked for', async () => {
    const saleId = await opened(gate);
    const asked = gate.post(`/flash-sales/${saleId}/orders`, undefined, bearer('ann'));
    const { status, body, headers } = await read(asked);
    const { ticketNo } = body as { ticketNo: string };
    const self = `/tickets/${ticketNo}?saleId=${saleId}`;
    expect([status, headers.get('location')]).toEqual([202, self]);
    expect(body).toEqual({
      ticketNo,
      saleId,
      status: 'QUEUED',
      links: { self, events: `/tickets/${ticketNo}/events?saleId=${saleId}` },
    });
  });

  it('has not started before its time, by the clock of Redis, and says how long that is', async () => {
    const startsAt = new Date(Date.now() + 600_000).toISOString();
    const saleId = await opened(gate, { startsAt });
    for (const door of [gate, gate, other]) {
      const { outcome, answer } = await order(door, saleId, 'ann');
      expect(outcome).toBe('425 SALE.NOT_STARTED');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(590);
    }
  });

  it('is over at its end', async () => {
    const endsAt = new Date(Date.now() + 2_000).toISOString();
    const saleId = await opened(gate, { endsAt });
    await until(async () => (await order(gate, saleId, 'bob')).outcome === '410 SALE.OVER');
    expect((await order(other, saleId, 'bob')).outcome).toBe('410 SALE.OVER');
  });

  it('is over when it is closed, at every gate, for good', async () => {
    const saleId = await opened(gate);
    expect((await read(other.post(`/flash-sales/${saleId}/close`))).body).toMatchObject({
      saleId,
      state: 'CLOSED',
    });
    expect((await order(other, saleId, 'ann')).outcome).toBe('410 SALE.OVER');
    expect((await order(gate, saleId, 'ann')).outcome).toBe('410 SALE.OVER');
    expect((await other.post(`/flash-sales/${saleId}/close`)).status).toBe(200);
    expect(await statusOf(gate.post('/flash-sales/20261130-000000000000/close'))).toBe(
      '404 SALE.NOT_FOUND',
    );
  });

  it('is known at a gate that did not open it', async () => {
    const saleId = await opened(gate);
    expect((await order(other, saleId, 'ann')).outcome).toBe('202');
  });

  it.each(['20261130-000000000000', '4711', '%20', 'x'.repeat(128)])(
    'is not %s, which nobody has opened',
    async (saleId) => {
      expect((await order(gate, saleId, 'ann')).outcome).toBe('404 SALE.NOT_FOUND');
    },
  );

  it('lets nobody in whose token is missing, forged or expired', async () => {
    const saleId = await opened(gate);
    const path = `/flash-sales/${saleId}/orders`;
    const forged = `${bearer('ann').authorization.slice(0, -3)}AAA`;
    for (const headers of [{}, { authorization: forged }, bearer('ann', -60)]) {
      const asked = await gate.post(path, undefined, headers);
      expect(asked.headers.get('www-authenticate')).toBe('Bearer');
      expect(await statusOf(Promise.resolve(asked))).toBe('401 CUSTOMER.UNAUTHORIZED');
    }
    expect(await remainingOf(gate, saleId)).toBe(10);
  });

  it('takes no body but an empty one: an order is one piece', async () => {
    const path = `/flash-sales/${await opened(gate)}/orders`;
    expect(await statusOf(gate.post(path, { quantity: 2 }, bearer('ann')))).toBe(
      '400 REQUEST.INVALID',
    );
    expect((await gate.post(path, {}, bearer('ann'))).status).toBe(202);
    expect(await statusOf(gate.get(path))).toBe('405 HTTP.405');
  });

  it('keeps no line of the log for each of its customers, and counts them', async () => {
    const saleId = await opened(gate);
    await ticketOf(gate, saleId, 'ann');
    const route = '/flash-sales/:saleId/orders';
    expect(gate.lines().filter((line) => line['route'] === route)).toEqual([]);
    const counted = (await (await gate.get('/metrics')).text())
      .split('\n')
      .filter(
        (line) => line.startsWith('http_request_duration_seconds_count') && line.includes(route),
      );
    expect(counted.join()).toContain('status="202"');
  });

  it('sends away who comes too often', async () => {
    await using strict = await startGate(stock, {
      schema,
      namesrvAddr: broker.namesrvAddr,
      env: { FLASHSALE_USER_RATE_PER_S: '1', FLASHSALE_USER_BURST: '2' },
    });
    const saleId = await opened(gate);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, async () => (await order(strict, saleId, 'ann')).outcome),
    );
    expect(outcomes.filter((outcome) => outcome === '202')).toHaveLength(1);
    expect(outcomes).toContain('429 REQUEST.TOO_MANY');
    expect((await order(strict, saleId, 'bob')).outcome).toBe('202');
  });
});

describe('sold out', () => {
  it('is answered without Redis once it is known, and not any more when a piece comes back', async () => {
    await using redis = await RedisProxy.start();
    await using cut = await startGate(stock, {
      schema,
      namesrvAddr: broker.namesrvAddr,
      redisUrl: redis.url,
    });
    const saleId = await opened(gate, { stock: 1 });
    await until(() => cut.app.get(SaleRedis).isReady && cut.app.get(SaleMemory).knows(saleId));
    const ticketNo = await ticketOf(cut, saleId, 'ann');
    // The news that the sale has a piece may come after ann has it: once asked, the gate knows better for good.
    expect((await order(cut, saleId, 'bob')).outcome).toBe('409 SALE.SOLD_OUT');
    redis.goAway();
    expect((await order(cut, saleId, 'bob')).outcome).toBe('409 SALE.SOLD_OUT');
    // Nor does it matter then who asks, or how.
    for (const [path, body] of [
      [`/flash-sales/${saleId}/orders`, undefined],
      [`/flash-sales/${saleId}/orders?from=mail`, undefined],
      [`/flash-sales/${saleId}/orders`, {}],
    ] as const) {
      const answer = await cut.post(path, body);
      expect([answer.status, await answer.json()]).toMatchObject([409, { code: 'SALE.SOLD_OUT' }]);
    }
    redis.comeBack();
    await settle(gate, saleId, { ticketNo, userId: 'ann' }, 'RETURNED');
    await until(async () => (await order(cut, saleId, 'bob')).outcome === '202');
    expect((await order(cut, saleId, 'eve')).outcome).toBe('409 SALE.SOLD_OUT');
  });

  it('ends at every gate when a piece comes back, and one has it', async () => {
    const saleId = await opened(gate, { stock: 1 });
    const ticketNo = await ticketOf(gate, saleId, 'ann');
    for (const door of [gate, other]) {
      expect((await order(door, saleId, 'bob')).outcome).toBe('409 SALE.SOLD_OUT');
    }
    await settle(gate, saleId, { ticketNo, userId: 'ann' }, 'REFUSED');
    await until(async () => (await order(other, saleId, 'bob')).outcome === '202');
    expect((await order(gate, saleId, 'ann')).outcome).toBe('409 SALE.SOLD_OUT');
  });
});

describe('a ticket', () => {
  const ticket = (ticketNo: string, userId: string, more = ''): Promise<Response> =>
    fetch(`${gate.url}/tickets/${ticketNo}${more}`, { headers: bearer(userId) });

  it('tells its owner that it is queued, then what has become of it', async () => {
    const saleId = await opened(gate);
    const ticketNo = await ticketOf(gate, saleId, 'ann');
    const queued = { ticketNo, saleId, status: 'QUEUED' };
    expect((await read(ticket(ticketNo, 'ann', `?saleId=${saleId}`))).body).toEqual(queued);
    expect((await read(ticket(ticketNo, 'ann'))).body).toEqual(queued);
    await settle(gate, saleId, { ticketNo, userId: 'ann' }, 'ORDERED');
    expect((await read(ticket(ticketNo, 'ann'))).body).toEqual({
      ...queued,
      status: 'ORDERED',
      orderNo: ticketNo,
    });
    const why = { code: 'STOCK.INSUFFICIENT', reason: 'there is none' };
    const refused = await ticketOf(gate, saleId, 'bob');
    await settle(gate, saleId, { ticketNo: refused, userId: 'bob' }, 'REFUSED', why);
    expect((await read(ticket(refused, 'bob'))).body).toEqual({
      ticketNo: refused,
      saleId,
      status: 'REFUSED',
      ...why,
    });
  });

  it('is nobody else’s, and does not exist for him', async () => {
    const saleId = await opened(gate);
    const ticketNo = await ticketOf(gate, saleId, 'ann');
    for (const no of [ticketNo, '20261130-000000000000', '4711']) {
      expect(await statusOf(ticket(no, 'bob'))).toBe('404 TICKET.NOT_FOUND');
      expect(await statusOf(ticket(no, 'bob', `?saleId=${saleId}`))).toBe('404 TICKET.NOT_FOUND');
      expect(await statusOf(ticket(no, 'bob', '/events'))).toBe('404 TICKET.NOT_FOUND');
    }
    expect(await statusOf(gate.get(`/tickets/${ticketNo}`))).toBe('401 CUSTOMER.UNAUTHORIZED');
    expect(await statusOf(gate.get(`/tickets/${ticketNo}/events`))).toBe(
      '401 CUSTOMER.UNAUTHORIZED',
    );
  });

  it('is in the ledger when Redis has forgotten it', async () => {
    const saleId = await opened(gate);
    const ticketNo = '20261130-7K3M9Q2T4VXA';
    await gate.query(
      `INSERT INTO flash_tickets (ticket_no, sale_id, user_id, status, admitted_at, updated_at)
       VALUES (?, ?, 'ann', 'TAKEN', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
      [ticketNo, saleId],
    );
    expect((await read(ticket(ticketNo, 'ann'))).body).toMatchObject({ status: 'QUEUED' });
    await gate.query(
      `UPDATE flash_tickets SET status = 'REFUSED', code = 'A.CODE', reason = 'why' WHERE ticket_no = ?`,
      [ticketNo],
    );
    expect((await read(ticket(ticketNo, 'ann', `?saleId=${saleId}`))).body).toEqual({
      ticketNo,
      saleId,
      status: 'REFUSED',
      code: 'A.CODE',
      reason: 'why',
    });
    expect(await statusOf(ticket(ticketNo, 'bob'))).toBe('404 TICKET.NOT_FOUND');
  });

  it('tells its owner as events, also at another gate, and ends the stream with the outcome', async () => {
    const saleId = await opened(gate);
    const ticketNo = await ticketOf(gate, saleId, 'ann');
    const path = `/tickets/${ticketNo}/events?saleId=${saleId}`;
    const stream = await fetch(`${other.url}${path}`, { headers: bearer('ann') });
    expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const chunks = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    const first = await chunks.read();
    expect(first.value).toContain('event: status\ndata: {');
    await settle(gate, saleId, { ticketNo, userId: 'ann' }, 'ORDERED');
    const second = await chunks.read();
    expect(second.value).toBe(
      `id: outcome\nevent: outcome\ndata: ${JSON.stringify({
        ticketNo,
        saleId,
        status: 'ORDERED',
        orderNo: ticketNo,
      })}\n\n`,
    );
    expect((await chunks.read()).done).toBe(true);
    const again = await fetch(`${other.url}${path}`, {
      headers: { ...bearer('ann'), 'last-event-id': 'outcome' },
    });
    expect([again.status, await again.text()]).toEqual([204, '']);
  });
});

describe('opening a sale', () => {
  const open = (body: object): Promise<Response> => gate.post('/flash-sales', body);

  it('shows it, with what is left of it', async () => {
    const terms = termsOf({ stock: 7 });
    const { status, body } = await read(open(terms));
    expect(status).toBe(201);
    const { saleId } = body as { saleId: string };
    expect(body).toMatchObject({ ...terms, saleId, state: 'OPEN' });
    await ticketOf(gate, saleId, 'ann');
    expect((await read(gate.get(`/flash-sales/${saleId}`))).body).toMatchObject({
      saleId,
      remaining: 6,
      taken: 0,
    });
    const { items } = (await read(gate.get('/flash-sales'))).body as {
      items: { saleId: string }[];
    };
    expect(items.map((item) => item.saleId)).toContain(saleId);
    expect(await statusOf(gate.get('/flash-sales/20261130-000000000000'))).toBe(
      '404 SALE.NOT_FOUND',
    );
  });

  it('names every field that is wrong, with what it clashes with', async () => {
    const { status, body } = await read(
      open({ sku: 'tea', stock: 0, perUserLimit: 'one', startsAt: 'now', more: 1 }),
    );
    expect([status, body['code']]).toEqual([400, 'REQUEST.INVALID']);
    expect((body['errors'] as { field: string }[]).map(({ field }) => field).sort()).toEqual([
      'endsAt',
      'more',
      'perUserLimit',
      'sku',
      'startsAt',
      'stock',
    ]);
    const early = await read(
      open(termsOf({ stock: 2, perUserLimit: 3, endsAt: '2020-01-01T00:00Z' })),
    );
    expect(early.body['errors']).toMatchObject([
      { field: 'perUserLimit', message: 'is 3, the stock is 2' },
      { field: 'endsAt' },
    ]);
  });

  it('is refused for more than there is, or of what there is not, or while nobody can say', async () => {
    const { status, body } = await read(open(termsOf({ stock: 1_001 })));
    expect([status, body['code'], body['detail']]).toEqual([
      409,
      'SALE.TOO_LITTLE_STOCK',
      'the sale wants 1001 of GRINDER-HAND, there are 1000',
    ]);
    await using away = await startGate(stock, {
      schema,
      namesrvAddr: broker.namesrvAddr,
      env: { STOCK_URL: 'http://127.0.0.1:1' },
    });
    expect(await statusOf(away.post('/flash-sales', termsOf()))).toBe('503 STOCK.UNAVAILABLE');
    stock.answer('GET /stock/:orderNo', { status: 404, body: { code: 'STOCK.UNKNOWN_SKU' } });
    const unknown = await read(
      open(termsOf({ sku: `NO-${randomUUID().slice(0, 8).toUpperCase()}` })),
    );
    expect([unknown.status, unknown.body['errors']]).toMatchObject([400, [{ field: 'sku' }]]);
  });
});
