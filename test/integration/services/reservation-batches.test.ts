import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { DatabaseProxy } from './database-proxy.ts';
import { dropSchema, newSchema, NO_BROKER, startService, type RunningService } from './shop.ts';
import {
  levelOf,
  movementsOf,
  outcomeOf,
  received,
  reserved,
  statusOf,
  unbalanced,
  wishFor,
  type Wish,
} from './stock-room.ts';

const schema = newSchema();
let stock: RunningService;

beforeAll(async () => {
  stock = await startService('stock', { namesrvAddr: NO_BROKER, schema });
});

afterAll(async () => {
  await stock[Symbol.asyncDispose]();
  await dropSchema(schema);
});

interface Outcome {
  orderNo: string;
  status: string;
  reason?: string;
}

async function reserveAll(reservations: Wish[], service = stock): Promise<Outcome[]> {
  const answer = await service.post('/reservation-batches', { reservations });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { items: Outcome[] }).items;
}

const statusesOf = async (reservations: Wish[]): Promise<string[]> =>
  (await reserveAll(reservations)).map(({ status }) => status);

const wishes = (count: number, ...items: [string, number][]): Wish[] =>
  Array.from({ length: count }, () => wishFor(...items));

describe('a batch of reservations', () => {
  it('sets everything aside, in one answer, in the order asked', async () => {
    const tea = await received(stock, 1_000);
    const mug = await received(stock, 1_000);
    const batch = [...wishes(196, [tea, 1]), ...wishes(60, [mug, 2], [tea, 1])];
    expect(await reserveAll(batch)).toEqual(
      batch.map(({ orderNo }) => ({ orderNo, status: 'RESERVED' })),
    );
    expect(await levelOf(stock, tea)).toEqual({
      sku: tea,
      available: 744,
      reserved: 256,
      sold: 0,
    });
    expect(await levelOf(stock, mug)).toMatchObject({ available: 880, reserved: 120 });
    const last = batch.at(-1)!;
    expect((await movementsOf(stock, last.orderNo)).toSorted()).toEqual(
      [`RESERVED ${mug} 2`, `RESERVED ${tea} 1`].toSorted(),
    );
    expect(await statusOf(stock, last.orderNo)).toEqual({
      status: 'RESERVED',
      isOrderKnown: false,
    });
    expect(await unbalanced(stock)).toEqual([]);
  });

  it('is had by the first when there is too little, and the others are told both numbers', async () => {
    const sku = await received(stock, 5);
    const plenty = await received(stock, 100);
    const batch = [
      wishFor([sku, 3]),
      wishFor([sku, 3]),
      wishFor([plenty, 1], [sku, 9]),
      wishFor([sku, 2]),
      wishFor([plenty, 4]),
      wishFor(['NO-SUCH-SKU', 1]),
    ];
    const outcomes = await reserveAll(batch);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'RESERVED',
      'INSUFFICIENT',
      'INSUFFICIENT',
      'RESERVED',
      'RESERVED',
      'INSUFFICIENT',
    ]);
    expect(outcomes[1]!.reason).toContain(`${sku}: 3 wanted, 2 available`);
    expect(await levelOf(stock, sku)).toEqual({ sku, available: 0, reserved: 5, sold: 0 });
    expect(await levelOf(stock, plenty)).toMatchObject({ available: 96, reserved: 4 });
    for (const index of [1, 2, 5]) {
      expect(await statusOf(stock, batch[index]!.orderNo)).toBeUndefined();
      expect(await movementsOf(stock, batch[index]!.orderNo)).toEqual([]);
    }
    // What was refused may be asked for again when there is some.
    await stock.query(
      `INSERT INTO stock_movements (sku, kind, quantity, reference, occurred_at)
       VALUES ('${sku}', 'RECEIVED', 3, 'delivery-2-${sku}', UTC_TIMESTAMP(3))`,
    );
    await stock.query(`UPDATE stock_levels SET available = 3 WHERE sku = '${sku}'`);
    expect(await statusesOf([batch[1]!])).toEqual(['RESERVED']);
  });

  it('has no further effect when it comes again, whole or in part, also at once', async () => {
    const sku = await received(stock, 100);
    const batch = wishes(20, [sku, 1]);
    const again = await Promise.all([
      statusesOf(batch),
      statusesOf(batch.toReversed()),
      statusesOf(batch.slice(5)),
      statusesOf([...batch.slice(0, 3), ...wishes(2, [sku, 1])]),
    ]);
    expect(new Set(again.flat())).toEqual(new Set(['RESERVED']));
    expect(await levelOf(stock, sku)).toEqual({ sku, available: 78, reserved: 22, sold: 0 });
    expect(await unbalanced(stock)).toEqual([]);
  });

  it('never gives more than there is to batches that come at once', async () => {
    const sku = await received(stock, 50);
    const all = await Promise.all(
      Array.from({ length: 8 }, () => statusesOf(wishes(10, [sku, 1]))),
    );
    const got = all.flat().filter((status) => status === 'RESERVED');
    expect(got).toHaveLength(50);
    expect(await levelOf(stock, sku)).toEqual({ sku, available: 0, reserved: 50, sold: 0 });
    expect(await unbalanced(stock)).toEqual([]);
  });

  it('says of each order what became of an earlier reservation', async () => {
    const sku = await received(stock, 20);
    const released = await reserved(stock, [sku, 1]);
    await stock.post(`/reservations/${released.orderNo}/release`, {});
    const other = await reserved(stock, [sku, 2]);
    const outcomes = await reserveAll([
      released,
      { ...other, items: [{ sku, quantity: 1 }] },
      wishFor([sku, 1]),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'RELEASED',
      'RESERVED_OTHERWISE',
      'RESERVED',
    ]);
    expect(await statusesOf([{ ...other, transactionKey: randomUUID() }])).toEqual([
      'RESERVED_OTHERWISE',
    ]);
    expect(await statusesOf([other])).toEqual(['RESERVED']);
  });

  it('is settled as a single one is', async () => {
    const sku = await received(stock, 2);
    const [wish] = wishes(1, [sku, 2]);
    await reserveAll([wish!]);
    expect(await outcomeOf(stock.post(`/reservations/${wish!.orderNo}/release`, {}))).toBe('200');
    expect(await levelOf(stock, sku)).toMatchObject({ available: 2, reserved: 0 });
  });
});

describe('a batch that cannot be read', () => {
  const good = wishFor(['MUG-BLUE', 1]);
  it.each([
    [[], 'reservations: has 0 entries, 1 to 256 are allowed'],
    [wishes(257, ['MUG-BLUE', 1]), 'reservations: has 257 entries, 1 to 256 are allowed'],
    [[good, good], `reservations[1].orderNo: is "${good.orderNo}" again, as in reservations[0]`],
    [
      [{ ...good, items: [{ sku: 'MUG-BLUE', quantity: 0 }] }],
      'reservations[0].items[0].quantity: is 0, it must be a whole number from 1 to 99900',
    ],
    [[{ ...good, items: [] }], 'reservations[0].items: has 0 entries, 1 to 100 are allowed'],
    [
      [{ ...good, items: [...good.items, ...good.items] }],
      'items[1].sku: is MUG-BLUE again, as in items[0]',
    ],
    [[{ ...good, orderNo: 'a b' }], 'reservations[0].orderNo: is "a b", it must be 1 to 64'],
    [[{ ...good, more: 1 }], 'reservations[0].more: should not exist'],
    [['x'], 'reservations[0]: is "x", it must be an object'],
    ['x', 'reservations: is "x", it must be a list'],
  ])('is refused whole, naming the field: %#', async (reservations, detail) => {
    const answer = await stock.post('/reservation-batches', { reservations });
    expect(answer.status).toBe(400);
    const problem = (await answer.json()) as { code: string; detail: string };
    expect(problem.code).toBe('REQUEST.INVALID');
    expect(problem.detail).toContain(detail);
    expect(await statusOf(stock, good.orderNo)).toBeUndefined();
  });
});

it.each(['before', 'after'] as const)(
  'is all there or not at all when the database is cut off %s its commit, and comes out right when asked again',
  async (cut) => {
    await using proxy = await DatabaseProxy.start();
    const url = new URL(process.env['DATABASE_URL'] ?? '');
    url.port = String(proxy.port);
    url.hostname = '127.0.0.1';
    await using second = await startService('stock', {
      namesrvAddr: NO_BROKER,
      schema,
      env: { DATABASE_URL: url.href },
    });
    const sku = await received(stock, 10);
    const batch = wishes(4, [sku, 1]);
    proxy.cutAtCommit(cut, 'reservation_items');
    const answer = await second.post('/reservation-batches', { reservations: batch });
    expect(answer.status).toBe(503);
    const { reserved: count } = await levelOf(stock, sku);
    expect(count).toBe(cut === 'before' ? 0 : 4);
    expect(await statusesOf(batch)).toEqual(Array.from({ length: 4 }, () => 'RESERVED'));
    expect(await levelOf(stock, sku)).toMatchObject({ available: 6, reserved: 4 });
    expect(await unbalanced(stock)).toEqual([]);
  },
);
