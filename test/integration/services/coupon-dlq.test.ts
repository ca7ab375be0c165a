import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Admin, Producer, type ConsumedMessage } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { paidEvent } from '../../services/order-event-samples.ts';
import { until } from '../../support/deadline.ts';
import { dropSchema, newSchema, startService, type RunningService } from './shop.ts';

const GROUP = 'coupon-on-order-paid';
const RETRY_COUNT = 3;

const schema = newSchema();
let broker: TestBroker;
let admin: Admin;
let producer: Producer;
let coupon: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  await broker.createTopic('ORDER_EVENTS');
  admin = new Admin({ namesrvAddr: broker.namesrvAddr });
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  coupon = await startCoupon();
});

const startCoupon = (): Promise<RunningService> =>
  startService('coupon', {
    namesrvAddr: broker.namesrvAddr,
    schema,
    env: { MAX_RECONSUME_TIMES: String(RETRY_COUNT) },
  });

afterAll(async () => {
  await coupon[Symbol.asyncDispose]();
  await dropSchema(schema);
  await producer.shutdown();
  await admin.shutdown();
  await broker.close();
});

async function paid(orderNo: string = `order-${randomUUID()}`): Promise<string> {
  const event = { ...paidEvent, orderNo, eventId: randomUUID() };
  const body = JSON.stringify(event);
  await producer.send({ topic: 'ORDER_EVENTS', tags: 'Paid', keys: orderNo, body });
  return orderNo;
}

const couponCount = (orderNo: string): Promise<number> =>
  coupon.count('coupons', `order_no = '${orderNo}'`);

const issued = (orderNo: string): Promise<unknown> =>
  until(async () => (await couponCount(orderNo)) > 0, { what: `the coupon of ${orderNo}` });

/** What an operator's mistake takes away is there again when this is disposed of. */
async function withoutTable(): Promise<AsyncDisposable> {
  await coupon.query('RENAME TABLE coupons TO coupons_away');
  return {
    [Symbol.asyncDispose]: async () => {
      await coupon.query('RENAME TABLE coupons_away TO coupons');
    },
  };
}

/** Dead letters of an order that nobody has redriven. */
async function lettersOf(orderNo: string): Promise<ConsumedMessage[]> {
  return (await admin.dlq(GROUP)).filter(({ keys }) => keys.includes(orderNo));
}

const logged = (orderNo: string, text: string, count = 1): Promise<unknown> =>
  until(() => coupon.logged(orderNo, text) >= count, { what: `"${text}" of ${orderNo}` });

async function deadLetterCount(outcome: string): Promise<number> {
  const text = await (await coupon.get('/metrics')).text();
  const [, value] =
    new RegExp(
      `^millrace_dead_letters_total\\{group="${GROUP}",outcome="${outcome}".*\\} (\\d+)$`,
      'm',
    ).exec(text) ?? [];
  return Number(value ?? 0);
}

/** Messages that cannot be handled, up to the first failed try of their dead letters. */
async function buried(count: number): Promise<string[]> {
  const orderNos = await Promise.all(Array.from({ length: count }, () => paid()));
  await broker.drain(GROUP, 'ORDER_EVENTS');
  for (const orderNo of orderNos) {
    await logged(orderNo, 'dead letter not delivered, to be tried again');
  }
  return orderNos;
}

/** The pause between two tries of a dead letter. */
const pause = (): Promise<unknown> => broker.clock.advance('1m');

describe('a coupon that cannot be issued', () => {
  it('is counted from the start of the service, at 0: in a count that begins at 1 Prometheus sees no growth', async () => {
    const text = await (await coupon.get('/metrics')).text();
    for (const outcome of ['delivered', 'waiting', 'parked']) {
      expect(text).toMatch(
        new RegExp(
          `^millrace_dead_letters_total\\{group="${GROUP}",outcome="${outcome}".*\\} 0$`,
          'm',
        ),
      );
    }
  });

  it('goes through its retries to the dead-letter queue, which says why, and is issued once the cause is gone', async () => {
    const before = await deadLetterCount('delivered');
    let orderNos: string[];
    {
      await using _table = await withoutTable();
      orderNos = await buried(3);
      for (const orderNo of orderNos) {
        expect(coupon.logged(orderNo, 'event not handled, to be retried')).toBe(RETRY_COUNT);
        const [letter, ...more] = await lettersOf(orderNo);
        expect(more).toEqual([]);
        expect(letter?.properties.get('DLQ_REASON')).toBe('QueryFailedError ER_NO_SUCH_TABLE');
      }
      await until(async () => (await broker.delayed(`%RETRY%${GROUP}-dlq`)).length === 3);
      // Once more in vain: the table is still away.
      await pause();
      for (const orderNo of orderNos) {
        await logged(orderNo, 'dead letter not delivered, to be tried again', 2);
      }
      expect(await deadLetterCount('waiting')).toBeGreaterThanOrEqual(6);
      await until(async () => (await broker.delayed(`%RETRY%${GROUP}-dlq`)).length === 3);
    }
    const another = await paid();
    await issued(another);
    await pause();
    await Promise.all(orderNos.map(issued));
    await until(async () => (await deadLetterCount('delivered')) === before + 3);
    for (const orderNo of [...orderNos, another]) expect(await couponCount(orderNo)).toBe(1);
  });

  it('is issued once also when an operator redrives its dead letter, twice', async () => {
    let orderNo: string | undefined;
    {
      await using _table = await withoutTable();
      [orderNo] = await buried(1);
    }
    const [letter] = await lettersOf(orderNo!);
    const { offsetMsgId } = letter!;
    await admin.redriveDlq(GROUP, { offsetMsgId });
    await issued(orderNo!);
    await admin.redriveDlq(GROUP, { offsetMsgId });
    await logged(orderNo!, 'duplicate event acknowledged');
    // The service's own next try.
    await until(async () => (await broker.delayed(`%RETRY%${GROUP}-dlq`)).length === 1);
    await pause();
    await logged(orderNo!, 'duplicate event acknowledged', 2);
    expect(await couponCount(orderNo!)).toBe(1);
  });

  it('is tried again by another process of the service when this one is gone', async () => {
    let orderNo: string | undefined;
    {
      await using _table = await withoutTable();
      [orderNo] = await buried(1);
    }
    await until(async () => (await broker.delayed(`%RETRY%${GROUP}-dlq`)).length === 1);
    await coupon[Symbol.asyncDispose]();
    coupon = await startCoupon();
    await pause();
    await issued(orderNo!);
    expect(await couponCount(orderNo!)).toBe(1);
  });

  it('was the mistake of a message nobody can read: it is parked with the reason, and others pass', async () => {
    const poison = `poison-${randomUUID()}`;
    await producer.send({ topic: 'ORDER_EVENTS', tags: 'Paid', keys: poison, body: '<xml/>' });
    const orderNo = await paid();
    await issued(orderNo);
    await logged(poison, 'dead letter parked, it stays in the DLQ');
    const [letter, ...more] = await lettersOf(poison);
    expect(more).toEqual([]);
    expect(letter?.text()).toBe('<xml/>');
    expect(letter?.properties.get('DLQ_REASON')).toBe('MESSAGE.POISON: the body is not JSON');
    expect(coupon.logged(poison, 'event not handled, to be retried')).toBe(0);
    expect(await deadLetterCount('parked')).toBeGreaterThan(0);
  });
});
