import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import type { ReservationCheck } from '../../../services/contracts/reservation-check.ts';
import { until } from '../../support/deadline.ts';
import {
  contradictory,
  issued,
  newOrderNo,
  outcomeOf,
  reasonOfDeadLetter,
  redeem,
  redeemed,
  redemptionOf,
  release,
  whereIs,
  wishFor,
  type Wish,
} from './coupon-desk.ts';
import { untilLockWaits } from './lock-waits.ts';
import { FakePeer, type PeerAnswer } from './fake-peer.ts';
import { settledCount, settles } from './order-settlement.ts';
import { createShopTopics } from './shop-messages.ts';
import { dropSchema, newSchema, startService, type RunningService } from './shop.ts';

const CHECK_GROUP = 'coupon-reservation-check';

const schema = newSchema();
let broker: TestBroker;
let producer: Producer;
let orders: FakePeer;
let coupon: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  await createShopTopics(broker);
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  orders = await FakePeer.start();
  coupon = await startService('coupon', {
    namesrvAddr: broker.namesrvAddr,
    schema,
    env: { ORDER_URL: orders.url, ORDER_TIMEOUT_MS: '1000', DATABASE_POOL_SIZE: '30' },
  });
});

afterAll(async () => {
  await coupon[Symbol.asyncDispose]();
  await orders[Symbol.asyncDispose]();
  await producer.shutdown();
  await broker.close();
  await dropSchema(schema);
});

const parallel = <T>(count: number, act: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => act(index)));

const logged = (orderNo: string, text: string): Promise<unknown> =>
  until(() => coupon.logged(orderNo, text) > 0, { what: `"${text}" of ${orderNo}` });

describe('a coupon', () => {
  it.each(['ZZZZZZZZZZZZZZZZ', 'zzzzzzzzzzzzzzzz', 'ÜBER', 'A'.repeat(17)])(
    'called %s is not known: 404',
    async (code) => {
      const answer = coupon.get(`/coupons/${encodeURIComponent(code)}`);
      expect(await outcomeOf(answer)).toBe('404 COUPON.NOT_FOUND');
    },
  );

  it.each(['/coupons', '/red-packets'])('is found in %s by an order number only', async (path) => {
    for (const query of ['', '?orderNo=', '?orderNo=a%20b', `?orderNo=${'x'.repeat(129)}`]) {
      const answer = await coupon.get(`${path}${query}`);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({
        errors: [{ field: 'orderNo', message: expect.stringMatching(/^is .*must be an order/) }],
      });
    }
    const answer = await coupon.get(`${path}?orderNo=${'x'.repeat(128)}`);
    expect(await answer.json()).toEqual({ items: [] });
  });
});

describe('a redemption', () => {
  it('tells what the coupon is worth, and the coupon tells who uses it', async () => {
    const code = await issued(coupon);
    const wish = wishFor(code);
    const answer = await coupon.post('/redemptions', wish);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      code,
      orderNo: wish.orderNo,
      amountMinor: 69,
      currency: 'EUR',
    });
    expect(await whereIs(coupon, code)).toBe(`REDEEMED by ${wish.orderNo}`);
    expect(await redemptionOf(coupon, wish.orderNo)).toBe('HELD');
  });

  it('is won by one of 20 orders that want the coupon at once', async () => {
    const code = await issued(coupon);
    const wishes = Array.from({ length: 20 }, () => wishFor(code));
    const outcomes = await Promise.all(wishes.map((wish) => redeem(coupon, wish)));
    expect(outcomes.toSorted()).toEqual([
      '200',
      ...Array.from({ length: 19 }, () => '409 COUPON.USED'),
    ]);
    const winner = wishes[outcomes.indexOf('200')]!;
    expect(await whereIs(coupon, code)).toBe(`REDEEMED by ${winner.orderNo}`);
    expect(await coupon.count('redemptions', `code = '${code}'`)).toBe(1);
    expect(await contradictory(coupon)).toEqual([]);
  });

  it('is made once however often it is asked for, also at once', async () => {
    const wish = wishFor(await issued(coupon));
    const outcomes = await parallel(10, () => redeem(coupon, wish));
    expect(new Set(outcomes)).toEqual(new Set(['200']));
    const answer = await coupon.post('/redemptions', wish);
    expect(await answer.json()).toMatchObject({ code: wish.code, amountMinor: 69 });
  });

  it('is one for an order: other coupons at once are refused', async () => {
    const orderNo = newOrderNo();
    const codes = await parallel(5, () => issued(coupon));
    const outcomes = await Promise.all(
      codes.map((code) => redeem(coupon, { ...wishFor(code), orderNo })),
    );
    expect(outcomes.toSorted()).toEqual([
      '200',
      ...Array.from({ length: 4 }, () => '409 COUPON.REDEEMED_OTHERWISE'),
    ]);
    expect(await contradictory(coupon)).toEqual([]);
  });

  it('is refused when the order has another one, or another buyer', async () => {
    const wish = await redeemed(coupon);
    const transactionKey = randomUUID();
    expect(await redeem(coupon, { ...wish, transactionKey })).toBe('409 COUPON.REDEEMED_OTHERWISE');
    expect(await redeem(coupon, { ...wish, userId: 'user-2' })).toBe('409 COUPON.NOT_YOURS');
    expect(await whereIs(coupon, wish.code)).toBe(`REDEEMED by ${wish.orderNo}`);
  });

  it('of a coupon that is not there is refused: 404, and nothing is left behind', async () => {
    const wish = wishFor('ZZZZZZZZZZZZZZZZ');
    expect(await redeem(coupon, wish)).toBe('404 COUPON.NOT_FOUND');
    expect(await redemptionOf(coupon, wish.orderNo)).toBeUndefined();
  });

  it('of a coupon that cannot be used says why, and leaves nothing behind', async () => {
    const expired = await issued(coupon, { expiresAt: new Date('2026-11-29T23:59:59Z') });
    const another = await issued(coupon, { userId: 'user-2' });
    const recalled = await issued(coupon);
    await coupon.query(
      `UPDATE coupons SET status = 'RECALLED', recall_asked_at = UTC_TIMESTAMP(3) WHERE code = ?`,
      [recalled],
    );
    const used = await redeemed(coupon);
    const refusals = [
      [expired, 'COUPON.EXPIRED', 'was good until 2026-11-29T23:59:59.000Z'],
      [another, 'COUPON.NOT_YOURS', 'belongs to another user'],
      [recalled, 'COUPON.RECALLED', 'was recalled'],
      [used.code, 'COUPON.USED', `is used for order ${used.orderNo}`],
    ] as const;
    for (const [code, reason, detail] of refusals) {
      const wish = wishFor(code);
      const answer = await coupon.post('/redemptions', wish);
      expect(answer.status).toBe(409);
      expect(await answer.json()).toMatchObject({
        code: reason,
        detail: expect.stringContaining(detail),
      });
      expect(await redemptionOf(coupon, wish.orderNo)).toBeUndefined();
    }
  });

  it('takes keys and users as long as they may be', async () => {
    const userId = 'ü'.repeat(128);
    const wish = { ...wishFor(await issued(coupon, { userId })), userId };
    const [orderNo, transactionKey] = [newOrderNo().padEnd(64, 'x'), 'k'.repeat(64)];
    expect(await redeem(coupon, { ...wish, orderNo, transactionKey })).toBe('200');
    expect(await whereIs(coupon, wish.code)).toBe(`REDEEMED by ${orderNo}`);
  });

  it.each<[string, Record<string, unknown>, string, RegExp]>([
    ['no code', { code: undefined }, 'code', /^is missing, it must be 16 characters A-Z and 0-9$/],
    ['a code too short', { code: 'ABC' }, 'code', /^is "ABC", it must be 16 characters/],
    ['a code in small letters', { code: 'a'.repeat(16) }, 'code', /^is "a{16}", it must be/],
    ['no orderNo', { orderNo: undefined }, 'orderNo', /^is missing, it must be 1 to 64 visible/],
    ['an orderNo with a blank', { orderNo: 'a b' }, 'orderNo', /^is "a b", it must be 1 to 64/],
    ['an orderNo too long', { orderNo: 'x'.repeat(65) }, 'orderNo', /^is "x{64}"…, it must be/],
    ['an empty userId', { userId: '' }, 'userId', /^is "", it must be 1 to 128 characters$/],
    ['a userId too long', { userId: 'x'.repeat(129) }, 'userId', /^is "x{64}"…, it must be 1 to/],
    ['a userId of null', { userId: null }, 'userId', /^is null, it must be 1 to 128/],
    ['a transactionKey that is none', { transactionKey: 7 }, 'transactionKey', /^is a number, /],
    ['a field nobody knows', { amountMinor: 1 }, 'amountMinor', /^should not exist/],
  ])('with %s is refused, by that field', async (_what, change, field, message) => {
    const answer = await coupon.post('/redemptions', {
      ...wishFor('ZZZZZZZZZZZZZZZZ'),
      ...change,
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: 'REQUEST.INVALID',
      errors: [{ field, message: expect.stringMatching(message) }],
    });
  });
});

describe('a release', () => {
  it('gives the coupon back, once, and another order can use it', async () => {
    const { code, orderNo } = await redeemed(coupon);
    const outcomes = await parallel(5, () => release(coupon, orderNo));
    expect(new Set(outcomes)).toEqual(new Set(['200']));
    expect(await whereIs(coupon, code)).toBe('ISSUED');
    const other = await redeemed(coupon, code);
    expect(await release(coupon, orderNo)).toBe('200');
    expect(await whereIs(coupon, code)).toBe(`REDEEMED by ${other.orderNo}`);
  });

  it('that comes before its redemption has that refused', async () => {
    const wish = wishFor(await issued(coupon));
    const answer = await coupon.post(`/redemptions/${wish.orderNo}/release`, {});
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ orderNo: wish.orderNo, status: 'RELEASED' });
    expect(await redeem(coupon, wish)).toBe('409 COUPON.RELEASED');
    expect(await release(coupon, wish.orderNo)).toBe('200');
    expect(await whereIs(coupon, wish.code)).toBe('ISSUED');
  });

  it('and a redemption at once leave the coupon free, whoever is first', async () => {
    const outcomes = await parallel(20, async () => {
      const wish = wishFor(await issued(coupon));
      const both = [redeem(coupon, wish), release(coupon, wish.orderNo)] as const;
      const [redemption, released] = await Promise.all(both);
      expect(released).toBe('200');
      expect(await whereIs(coupon, wish.code)).toBe('ISSUED');
      return redemption;
    });
    expect(['200', '409 COUPON.RELEASED']).toEqual(expect.arrayContaining([...new Set(outcomes)]));
    expect(await contradictory(coupon)).toEqual([]);
  });

  it('is refused when the order was placed, or is paid', async () => {
    const { code, orderNo } = await redeemed(coupon);
    await coupon.query('UPDATE redemptions SET is_order_known = TRUE WHERE order_no = ?', [
      orderNo,
    ]);
    expect(await release(coupon, orderNo)).toBe('409 COUPON.ORDER_PLACED');
    await coupon.query(
      `UPDATE redemptions SET status = 'KEPT', kept_at = UTC_TIMESTAMP(3) WHERE order_no = ?`,
      [orderNo],
    );
    expect(await release(coupon, orderNo)).toBe('409 COUPON.KEPT');
    expect(await whereIs(coupon, code)).toBe(`REDEEMED by ${orderNo}`);
  });

  it('of what cannot be an order is refused', async () => {
    expect(await release(coupon, 'a%20b')).toBe('400 REQUEST.INVALID');
    expect(await release(coupon, 'x'.repeat(65))).toBe('400 REQUEST.INVALID');
  });
});

describe('the check of a redemption', () => {
  const checkOf = ({ orderNo, transactionKey }: Wish): ReservationCheck => ({
    type: 'Coupon',
    eventId: randomUUID(),
    orderNo,
    transactionKey,
  });

  const send = (check: ReservationCheck): Promise<unknown> =>
    producer.send({
      topic: 'RESERVATION_CHECK',
      tags: check.type,
      keys: check.orderNo,
      body: JSON.stringify(check),
    });

  const askedCount = (wish: Wish): number => settledCount(orders, wish);

  it('gives back, a minute later and not before, what no order was placed for', async () => {
    const wish = await redeemed(coupon);
    settles(orders, wish, { isPlaced: false });
    await broker.clock.advance('50s');
    expect(askedCount(wish)).toBe(0);
    await broker.clock.advance('15s');
    await logged(wish.orderNo, 'event handled');
    expect(askedCount(wish)).toBe(1);
    expect(await whereIs(coupon, wish.code)).toBe('ISSUED');
    expect(await redemptionOf(coupon, wish.orderNo)).toBe('RELEASED');
    expect(await redeem(coupon, wish)).toBe('409 COUPON.RELEASED');
  });

  it('leaves alone what an order was placed for, and asks no more', async () => {
    const wish = await redeemed(coupon);
    settles(orders, wish, { isPlaced: true });
    await broker.clock.advance('65s');
    await logged(wish.orderNo, 'event handled');
    expect(await redemptionOf(coupon, wish.orderNo)).toBe('HELD, known');
    await send(checkOf(wish));
    await logged(wish.orderNo, 'overtaken event acknowledged');
    expect(askedCount(wish)).toBe(1);
    expect(await whereIs(coupon, wish.code)).toBe(`REDEEMED by ${wish.orderNo}`);
  });

  it.each<[string, PeerAnswer]>([
    ['is away', 'drop'],
    ['does not answer', 'hang'],
  ])('is tried again while the order service %s', async (_what, instead) => {
    const wish = await redeemed(coupon);
    settles(orders, wish, { instead });
    await broker.clock.advance('65s');
    await logged(wish.orderNo, 'event not handled, to be retried');
    expect(await whereIs(coupon, wish.code)).toBe(`REDEEMED by ${wish.orderNo}`);
    settles(orders, wish, { isPlaced: false });
    await broker.drain(CHECK_GROUP, 'RESERVATION_CHECK');
    expect(await whereIs(coupon, wish.code)).toBe('ISSUED');
  });

  it('that comes first sees to it that the redemption never does', async () => {
    const wish = wishFor(await issued(coupon));
    await send(checkOf(wish));
    await logged(wish.orderNo, 'overtaken event acknowledged');
    expect(await redeem(coupon, wish)).toBe('409 COUPON.RELEASED');
    expect(askedCount(wish)).toBe(0);
  });

  it('waits for a redemption that is still being made, and looks after it', async () => {
    const wish = wishFor(await issued(coupon));
    settles(orders, wish, { isPlaced: false });
    const blocker = coupon.database.createQueryRunner();
    await blocker.startTransaction();
    await blocker.query('SELECT * FROM coupons WHERE code = ? FOR UPDATE', [wish.code]);
    const redeeming = redeem(coupon, wish);
    await untilLockWaits(coupon.database, schema, 1);
    const delayed = await broker.delayed('RESERVATION_CHECK');
    expect(delayed.flatMap(({ message }) => message.keys)).toContain(wish.orderNo);
    await send(checkOf(wish));
    await untilLockWaits(coupon.database, schema, 2);
    await blocker.rollbackTransaction();
    await blocker.release();
    expect(await redeeming).toBe('200');
    await logged(wish.orderNo, 'event handled');
    expect(await whereIs(coupon, wish.code)).toBe('ISSUED');
  });

  it('of a request that was refused does not touch the redemption of another', async () => {
    const wish = await redeemed(coupon);
    await send({ ...checkOf(wish), transactionKey: randomUUID() });
    await logged(wish.orderNo, 'overtaken event acknowledged');
    expect(await redemptionOf(coupon, wish.orderNo)).toBe('HELD');
  });

  it('that nobody can read is a dead letter, which says why', async () => {
    await producer.send({
      topic: 'RESERVATION_CHECK',
      tags: 'Coupon',
      keys: 'poison',
      body: JSON.stringify({ type: 'Coupon', eventId: 'e', orderNo: '4711' }),
    });
    expect(await reasonOfDeadLetter(broker, CHECK_GROUP, 'poison')).toBe(
      'MESSAGE.POISON: transactionKey is not a text',
    );
  });

  it('is on its way before the redemption, also when the broker is away', async () => {
    await using alone = await startService('coupon', { env: { ORDER_URL: orders.url } });
    const { orderNo } = await redeemed(alone);
    const rows = await alone.query(
      `SELECT topic, tag, message_key, TIMESTAMPDIFF(SECOND, created_at, deliver_at) AS delay, sent_at
         FROM outbox_messages`,
    );
    expect(rows).toEqual([
      {
        topic: 'RESERVATION_CHECK',
        tag: 'Coupon',
        message_key: orderNo,
        delay: '60',
        sent_at: null,
      },
    ]);
  });
});
