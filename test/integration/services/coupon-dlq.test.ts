import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Admin, Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { paidEvent } from '../../services/order-event-samples.ts';
import { until } from '../../support/deadline.ts';
import { startService, type RunningService } from './shop.ts';

const GROUP = 'coupon-on-order-paid';
const RETRY_COUNT = 3;

let broker: TestBroker;
let admin: Admin;
let producer: Producer;
let coupon: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  await broker.createTopic('ORDER_EVENTS');
  admin = new Admin({ namesrvAddr: broker.namesrvAddr });
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  coupon = await startService('coupon', {
    namesrvAddr: broker.namesrvAddr,
    env: { COUPON_MAX_RECONSUME_TIMES: String(RETRY_COUNT) },
  });
});

afterAll(async () => {
  await coupon[Symbol.asyncDispose]();
  await producer.shutdown();
  await admin.shutdown();
  await broker.close();
});

beforeEach(async () => {
  await admin.redriveDlq(GROUP, 'all').catch(() => undefined);
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

describe('a coupon that cannot be issued', () => {
  it('goes through its retries to the dead-letter queue, is redriven and issued once', async () => {
    let orderNos: string[];
    {
      await using _table = await withoutTable();
      orderNos = await Promise.all([paid(), paid(), paid()]);
      await broker.drain(GROUP, 'ORDER_EVENTS');
      const letters = await broker.dlq(GROUP);
      expect(new Set(letters.flatMap(({ keys }) => keys))).toEqual(new Set(orderNos));
      for (const orderNo of orderNos) {
        expect(coupon.logged(orderNo, 'event not handled, to be retried')).toBe(RETRY_COUNT + 1);
      }
    }
    const others = await paid();
    await issued(others);
    const results = await admin.redriveDlq(GROUP, 'all');
    expect(results.map(({ status }) => status)).toEqual(['REDRIVEN', 'REDRIVEN', 'REDRIVEN']);
    await Promise.all(orderNos.map(issued));
    await broker.drain(GROUP, 'ORDER_EVENTS');
    for (const orderNo of [...orderNos, others]) expect(await couponCount(orderNo)).toBe(1);
    expect(await admin.dlq(GROUP)).toEqual([]);
  });

  it('is issued once also when its dead letter is redriven twice', async () => {
    let orderNo: string;
    {
      await using _table = await withoutTable();
      orderNo = await paid();
      await broker.drain(GROUP, 'ORDER_EVENTS');
    }
    const [letter] = await admin.dlq(GROUP);
    expect(letter?.keys).toEqual([orderNo]);
    const { offsetMsgId } = letter!;
    await admin.redriveDlq(GROUP, { offsetMsgId });
    await issued(orderNo);
    await admin.redriveDlq(GROUP, { offsetMsgId });
    await until(() => coupon.logged(orderNo, 'duplicate event acknowledged') === 1, {
      what: 'the second time',
    });
    expect(await couponCount(orderNo)).toBe(1);
  });

  it('is a dead letter again when it is redriven too early', async () => {
    let orderNo: string;
    {
      await using _table = await withoutTable();
      orderNo = await paid();
      await broker.drain(GROUP, 'ORDER_EVENTS');
      await admin.redriveDlq(GROUP, 'all');
      await broker.drain(GROUP, 'ORDER_EVENTS');
      expect((await admin.dlq(GROUP)).map(({ keys }) => keys[0])).toEqual([orderNo]);
    }
    await admin.redriveDlq(GROUP, 'all');
    await issued(orderNo);
  });

  it('was the mistake of a message nobody can read, which the others pass', async () => {
    await producer.send({ topic: 'ORDER_EVENTS', tags: 'Paid', keys: 'poison', body: '<xml/>' });
    const orderNo = await paid();
    await issued(orderNo);
    await broker.drain(GROUP, 'ORDER_EVENTS');
    expect((await admin.dlq(GROUP)).map((message) => message.text())).toEqual(['<xml/>']);
  });
});
