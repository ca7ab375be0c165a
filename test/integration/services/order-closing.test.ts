import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import type { Handling } from '../../../services/common/consumption.ts';
import type { OrderCloseCheck } from '../../../services/contracts/order-close-check.ts';
import type { PaymentEvent } from '../../../services/contracts/payment-events.ts';
import { CloseUnpaidOrder } from '../../../services/order/application/close-unpaid-order.ts';
import { PayOrder } from '../../../services/order/application/pay-order.ts';
import { until } from '../../support/deadline.ts';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import { announced, undecidedCount } from './half-messages.ts';
import { blockKey } from './blocked-key.ts';
import { refusal, type PeerAnswer } from './fake-peer.ts';
import { untilLockWaits } from './lock-waits.ts';
import { createShopTopics, paymentSucceeded } from './shop-messages.ts';
import { dropSchema, newSchema, startService, type RunningService } from './shop.ts';

const MINUTE_MS = 60_000;
const PAY_TIMEOUT_MS = 30 * MINUTE_MS;
const body = { userId: 'user-1', items: [{ sku: 'MUG-BLUE', quantity: 1 }] };

const schema = newSchema();
let broker: TestBroker;
let producer: Producer;
let order: RunningService;

beforeAll(async () => {
  broker = await testBroker();
  await createShopTopics(broker);
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
});

beforeEach(async () => {
  order = await startService('order', {
    namesrvAddr: broker.namesrvAddr,
    schema,
    env: { PAYMENT_TIMEOUT_MS: '3000' },
  });
});

afterEach(() => order[Symbol.asyncDispose]());

afterAll(async () => {
  await producer.shutdown();
  await broker.close();
  await dropSchema(schema);
});

interface OrderAnswer {
  orderNo: string;
  status: string;
  totalMinor: number;
  placedAt: string;
}

async function placed(): Promise<OrderAnswer> {
  const answer = await order.post('/orders', body, { 'Idempotency-Key': randomUUID() });
  expect(answer.status).toBe(201);
  return (await answer.json()) as OrderAnswer;
}

const find = async (orderNo: string): Promise<OrderAnswer> =>
  (await (await order.get(`/orders/${orderNo}`)).json()) as OrderAnswer;

const pay = (answer: OrderAnswer): Promise<unknown> => paymentSucceeded(producer, answer);

/** What the payment service has of an order. */
const payment = (status: string, paymentNo = 'P-1', amountMinor = 0): PeerAnswer => ({
  status: 200,
  body: { items: [{ paymentNo, status, amountMinor, currency: 'EUR' }] },
});

const isClosed = (orderNo: string): Promise<void> =>
  until(async () => (await find(orderNo)).status === 'CANCELLED', {
    what: `${orderNo} closed`,
  }).then(() => undefined);

const logged = (orderNo: string, text: string, count = 1): Promise<void> =>
  until(() => order.logged(orderNo, text) === count, {
    what: `${count} × "${text}" of ${orderNo}`,
  }).then(() => undefined);

function checkOf({ orderNo, placedAt }: OrderAnswer): OrderCloseCheck {
  return {
    type: 'CloseCheck',
    eventId: randomUUID(),
    orderNo,
    transactionKey: randomUUID(),
    payBy: new Date(Date.parse(placedAt) + PAY_TIMEOUT_MS).toISOString(),
  };
}

const byName = (a = '', b = ''): number => a.localeCompare(b);

const send = (check: OrderCloseCheck): Promise<unknown> =>
  producer.send({
    topic: 'ORDER_CLOSE_CHECK',
    tags: check.type,
    keys: check.orderNo,
    body: JSON.stringify(check),
  });

describe('an order that nobody pays', () => {
  it('is closed after 30 minutes, not before, and that is announced', async () => {
    const { orderNo } = await placed();
    await broker.clock.advance('29m');
    expect((await find(orderNo)).status).toBe('PENDING');
    order.moveClock(PAY_TIMEOUT_MS);
    await broker.clock.advance('1m');
    await isClosed(orderNo);
    expect(await find(orderNo)).toMatchObject({ closedAt: expect.stringMatching(/Z$/) });
    expect(await announced(broker, orderNo)).toEqual(['Created', 'Closed']);
  });

  it('is not closed by a message that comes early, by whatever clock, but by its next try', async () => {
    const { orderNo } = await placed();
    await broker.clock.advance('30m');
    await logged(orderNo, 'event not handled, to be retried');
    expect((await find(orderNo)).status).toBe('PENDING');
    order.moveClock(PAY_TIMEOUT_MS);
    await broker.drain('order-close-check', 'ORDER_CLOSE_CHECK');
    await isClosed(orderNo);
    expect(await announced(broker, orderNo)).toEqual(['Created', 'Closed']);
  });

  it('is closed late when the broker was away at the time', async () => {
    const { orderNo } = await placed();
    await broker.kill();
    order.moveClock(2 * PAY_TIMEOUT_MS);
    await broker.restart();
    await broker.clock.advance('1h');
    await isClosed(orderNo);
    // The kill may have cut off how the order's transaction ended: then the broker asks, and "Created" comes last.
    await until(
      async () => {
        await broker.clock.advance('1m');
        return (await undecidedCount(broker)) === 0;
      },
      { what: 'the end of every half message' },
    );
    expect((await announced(broker, orderNo)).toSorted(byName)).toEqual(['Closed', 'Created']);
  });

  it('is closed and announced once, however often its message comes', async () => {
    const answer = await placed();
    const { orderNo } = answer;
    order.moveClock(PAY_TIMEOUT_MS);
    await Promise.all(Array.from({ length: 10 }, () => send(checkOf(answer))));
    await broker.clock.advance('30m');
    await logged(orderNo, 'event handled');
    await logged(orderNo, 'duplicate event acknowledged', 10);
    expect(await announced(broker, orderNo)).toEqual(['Created', 'Closed']);
  });
});

describe('a close message', () => {
  it('is ignored when the order is paid', async () => {
    const answer = await placed();
    const { orderNo } = answer;
    await pay(answer);
    await logged(orderNo, 'event handled');
    order.moveClock(PAY_TIMEOUT_MS);
    await broker.clock.advance('30m');
    await logged(orderNo, 'overtaken event acknowledged');
    expect((await find(orderNo)).status).toBe('PAID');
    expect(await announced(broker, orderNo)).toEqual(['Created', 'Paid']);
  });

  it('of an order that never came to be sees to it that it never will', async () => {
    const check: OrderCloseCheck = {
      ...checkOf({
        orderNo: '20261120-0000000000ZZ',
        status: '',
        totalMinor: 0,
        placedAt: '2026-11-20T10:00:00Z',
      }),
      payBy: '2026-11-20T10:30:00.000Z',
    };
    await send(check);
    await logged(check.orderNo, 'overtaken event acknowledged');
    expect(
      await order.query('SELECT outcome FROM message_transactions WHERE transaction_key = ?', [
        check.transactionKey,
      ]),
    ).toEqual([{ outcome: 'ROLLED_BACK' }]);
  });

  it('of an order whose transaction still runs waits for it, and closes it', async () => {
    order.moveClock(0);
    const key = randomUUID();
    const free = await blockKey(order, key);
    const placing = order.post('/orders', body, { 'Idempotency-Key': key });
    await untilLockWaits(order.database, schema, 1);
    // The order's own close message, long before its time by the broker's clock.
    const waiting = await broker.messages('rmq_sys_wheel_timer');
    order.moveClock(PAY_TIMEOUT_MS);
    await send(JSON.parse(waiting.at(-1)!.text()) as OrderCloseCheck);
    await untilLockWaits(order.database, schema, 2);
    await free();
    const { orderNo } = (await (await placing).json()) as OrderAnswer;
    await isClosed(orderNo);
    expect(await announced(broker, orderNo)).toEqual(['Created', 'Closed']);
  });
});

describe('an order whose payment is under way when its time is over', () => {
  const GRACE_MS = 10 * MINUTE_MS;

  /** Its close message comes, and is put off. */
  async function duePaying(script: PeerAnswer): Promise<string> {
    const { orderNo } = await placed();
    order.peers.answer('GET /payments', script);
    order.moveClock(PAY_TIMEOUT_MS);
    await broker.clock.advance('30m');
    await logged(orderNo, 'event not handled, to be retried');
    expect((await find(orderNo)).status).toBe('PENDING');
    return orderNo;
  }

  it('is waited for, and closed when the wait is over', async () => {
    const orderNo = await duePaying(payment('PROCESSING'));
    order.moveClock(PAY_TIMEOUT_MS + GRACE_MS - MINUTE_MS);
    await broker.clock.advance('10s');
    await logged(orderNo, 'event not handled, to be retried', 2);
    expect((await find(orderNo)).status).toBe('PENDING');
    order.moveClock(PAY_TIMEOUT_MS + GRACE_MS);
    await broker.clock.advance('30s');
    await isClosed(orderNo);
    expect(await announced(broker, orderNo)).toEqual(['Created', 'Closed']);
  });

  it('is closed at once when that payment has failed meanwhile', async () => {
    const orderNo = await duePaying(payment('PROCESSING'));
    order.peers.answer('GET /payments', payment('FAILED'));
    await broker.clock.advance('10s');
    await isClosed(orderNo);
  });

  it('is paid when that payment has succeeded, once, though the message that says so be late or lost', async () => {
    const orderNo = await duePaying(payment('PROCESSING'));
    const { totalMinor } = await find(orderNo);
    order.peers.answer('GET /payments', payment('SUCCEEDED', `PAY-${orderNo}`, totalMinor));
    await broker.clock.advance('10s');
    await logged(orderNo, 'event handled');
    expect((await find(orderNo)).status).toBe('PAID');
    await pay(await find(orderNo));
    await logged(orderNo, 'duplicate event acknowledged');
    expect(await announced(broker, orderNo)).toEqual(['Created', 'Paid']);
  });

  it('is not paid by a payment over another amount: a person must look at it', async () => {
    const orderNo = await duePaying(payment('PROCESSING'));
    order.peers.answer('GET /payments', payment('SUCCEEDED', `PAY-${orderNo}`, 1));
    await broker.clock.advance('10s');
    await logged(orderNo, 'dead letter parked, it stays in the DLQ');
    expect((await find(orderNo)).status).toBe('PENDING');
  });

  it.each<[string, PeerAnswer]>([
    ['hangs', 'hang'],
    ['hangs up', 'drop'],
    ['fails', refusal(500, 'INTERNAL')],
    ['refuses the question', refusal(409, 'PAYMENT.WHATEVER')],
    ['is another service', refusal(404, 'HTTP.404')],
    ['answers something else', { status: 200, body: { items: 'none' } }],
    [
      'says of what has succeeded nothing else',
      { status: 200, body: { items: [{ status: 'SUCCEEDED' }] } },
    ],
  ])(
    'is waited for as well when the payment service %s, and closed all the same',
    async (_how, script) => {
      const orderNo = await duePaying(script);
      order.moveClock(PAY_TIMEOUT_MS + GRACE_MS);
      await broker.clock.advance('10s');
      await isClosed(orderNo);
      // What comes after that goes back.
      await pay(await find(orderNo));
      await logged(orderNo, 'event handled', 2);
      expect(await announced(broker, orderNo)).toEqual(['Created', 'Closed', 'PaidTooLate']);
    },
  );
});

describe('pay and close at once', () => {
  const close = (answer: OrderAnswer): Promise<Handling> =>
    order.app.get(CloseUnpaidOrder).execute(checkOf(answer));

  const takePayment = ({ orderNo, totalMinor }: OrderAnswer): Promise<Handling> => {
    const event: PaymentEvent = {
      type: 'Succeeded',
      eventId: randomUUID(),
      paymentNo: `PAY-${orderNo}`,
      orderNo,
      amountMinor: totalMinor,
      currency: 'EUR',
      occurredAt: new Date().toISOString(),
    };
    return order.app.get(PayOrder).execute(event);
  };

  /** Each sees the order as it was, and then waits for its row. */
  async function inTurn<First, Second>(
    { orderNo }: OrderAnswer,
    first: () => Promise<First>,
    second: () => Promise<Second>,
  ): Promise<[First, Second]> {
    const holder = order.database.createQueryRunner();
    await holder.startTransaction();
    await holder.query('SELECT order_no FROM orders WHERE order_no = ? FOR UPDATE', [orderNo]);
    const one = first();
    await untilLockWaits(order.database, schema, 1);
    const two = second();
    await untilLockWaits(order.database, schema, 2);
    await holder.rollbackTransaction();
    await holder.release();
    return [await one, await two];
  }

  it('is won by the payment when it is first at the row', async () => {
    const answer = await placed();
    order.moveClock(PAY_TIMEOUT_MS);
    const ends = await inTurn(
      answer,
      () => takePayment(answer),
      () => close(answer),
    );
    expect(ends).toEqual(['handled', 'overtaken']);
    expect((await find(answer.orderNo)).status).toBe('PAID');
    expect(await announced(broker, answer.orderNo)).toEqual(['Created', 'Paid']);
  });

  it('is won by the closing when it is first at the row', async () => {
    const answer = await placed();
    order.moveClock(PAY_TIMEOUT_MS);
    const ends = await inTurn(
      answer,
      () => close(answer),
      () => takePayment(answer),
    );
    // The money is there: it goes back.
    expect(ends).toEqual(['handled', 'handled']);
    expect((await find(answer.orderNo)).status).toBe('CANCELLED');
    expect(await announced(broker, answer.orderNo)).toEqual(['Created', 'Closed', 'PaidTooLate']);
  });

  it('has one winner in any case, who alone is announced', async () => {
    const seed = Date.now() % 1_000_000;
    const random = new SeededRandom(seed);
    const answers = await Promise.all(Array.from({ length: 40 }, placed));
    order.moveClock(PAY_TIMEOUT_MS);
    await Promise.all(
      answers.map(async (answer) => {
        const actions = [
          async (): Promise<string> => `pay ${await takePayment(answer)}`,
          async (): Promise<string> => `close ${await close(answer)}`,
        ];
        if (random.chance(0.5)) actions.reverse();
        if (random.chance(0.3)) actions.push(...actions);
        const ends = new Set(await Promise.all(actions.map((action) => action())));
        const { status } = await find(answer.orderNo);
        const isPaid = status === 'PAID';
        const allowed = isPaid
          ? ['pay handled', 'pay duplicate', 'close overtaken']
          : ['pay handled', 'pay duplicate', 'close handled', 'close duplicate'];
        const unfitting = [...ends].filter((end) => !allowed.includes(end));
        expect({ seed, status, unfitting }).toEqual({
          seed,
          status: isPaid ? 'PAID' : 'CANCELLED',
          unfitting: [],
        });
      }),
    );
    for (const { orderNo } of answers) {
      const { status } = await find(orderNo);
      const end = status === 'PAID' ? ['Paid'] : ['Closed', 'PaidTooLate'];
      expect({ seed, tags: await announced(broker, orderNo) }).toEqual({
        seed,
        tags: ['Created', ...end],
      });
    }
  }, 60_000);
});
