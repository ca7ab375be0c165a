import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { newDocumentNo } from '../../../services/common/document-number.ts';
import { describeApi } from '../../../services/common/service-process.ts';
import { until } from '../../support/deadline.ts';
import { refusal } from './fake-peer.ts';
import {
  AMOUNT,
  callbackOf,
  chargeOf,
  PaymentWorld,
  Route,
  type PaymentAnswer,
} from './payment-world.ts';

let world: PaymentWorld;

beforeAll(async () => {
  world = await PaymentWorld.start();
});

afterEach(() => world.reset());

afterAll(() => world[Symbol.asyncDispose]());

const answerOf = async (answer: Response): Promise<PaymentAnswer> =>
  (await answer.json()) as PaymentAnswer;

describe('POST /payments', () => {
  it('answers before the channel has, has it charged, and shows what the channel then tells', async () => {
    const orderNo = world.newOrder();
    const answer = await world.pay(orderNo);
    expect(answer.status).toBe(202);
    const payment = await answerOf(answer);
    expect(answer.headers.get('location')).toBe(`/payments/${payment.paymentNo}`);
    expect(payment).toEqual({
      paymentNo: expect.stringMatching(/^\d{8}-[0-9A-Z]{12}$/),
      orderNo,
      status: 'PROCESSING',
      amountMinor: AMOUNT,
      refundedMinor: 0,
      currency: 'EUR',
      createdAt: expect.stringMatching(/Z$/),
    });
    await world.logged(orderNo, 'event handled');
    expect(world.asked(Route.charge, payment.paymentNo)).toEqual([
      expect.objectContaining({
        body: {
          requestNo: payment.paymentNo,
          amountMinor: AMOUNT,
          currency: 'EUR',
          callbackUrl: 'http://payment.test/channel-callbacks',
        },
      }),
    ]);
    const taken = await world.call(callbackOf(payment));
    expect(taken.status).toBe(200);
    expect(await taken.json()).toEqual({ result: 'settled' });
    expect(await world.find(payment.paymentNo)).toEqual({
      ...payment,
      status: 'SUCCEEDED',
      chargeNo: `CH-${payment.paymentNo}`,
      settledAt: '2026-11-20T10:00:00.000Z',
    });
    expect(await world.announced(orderNo)).toEqual(['Requested', 'Succeeded']);
    const list = await world.payment.get(`/payments?orderNo=${orderNo}`);
    expect(await list.json()).toEqual({ items: [await world.find(payment.paymentNo)] });
  });

  it('gives the same payment again for the same key, as it is by now', async () => {
    const orderNo = world.newOrder();
    const key = randomUUID();
    const first = await answerOf(await world.pay(orderNo, key));
    await world.call(callbackOf(first));
    world.orderStatus.set(orderNo, 'PAID');
    const again = await world.pay(orderNo, key);
    expect(again.status).toBe(202);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await answerOf(again)).toMatchObject({
      paymentNo: first.paymentNo,
      status: 'SUCCEEDED',
    });
    expect(await world.payment.count('payments', `order_no = '${orderNo}'`)).toBe(1);
  });

  it('makes one payment of twenty requests with one key at once', async () => {
    const orderNo = world.newOrder();
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.pay(orderNo, key)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    const numbers = await Promise.all(
      answers.map(async (each) => (await answerOf(each)).paymentNo),
    );
    expect(new Set(numbers).size).toBe(1);
    expect(await world.announced(orderNo)).toEqual(['Requested']);
  });

  it('makes one payment of twenty requests with keys of their own, and tells the others which', async () => {
    const orderNo = world.newOrder();
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.pay(orderNo)));
    const made = answers.filter(({ status }) => status === 202);
    expect(made).toHaveLength(1);
    const { paymentNo } = await answerOf(made[0]!);
    for (const answer of answers.filter((each) => each !== made[0])) {
      expect(answer.status).toBe(409);
      expect(await answer.json()).toMatchObject({
        code: 'PAYMENT.UNDER_WAY',
        detail: expect.stringContaining(`payment ${paymentNo} of order ${orderNo} is PROCESSING`),
      });
    }
    expect(await world.announced(orderNo)).toEqual(['Requested']);
  });

  it('refuses a second payment of a paid order, and makes one after a failed one', async () => {
    const paid = await world.succeeded();
    const second = await world.pay(paid.orderNo);
    expect(second.status).toBe(409);
    expect(await second.json()).toMatchObject({
      code: 'PAYMENT.ALREADY_PAID',
      detail: expect.stringContaining(`${paid.paymentNo} of order ${paid.orderNo} is SUCCEEDED`),
    });
    const failed = await world.requested();
    await world.call(callbackOf(failed, { outcome: 'FAILED' }));
    const other = await world.pay(failed.orderNo);
    expect(other.status).toBe(202);
    const { paymentNo } = await answerOf(other);
    const list = await (await world.payment.get(`/payments?orderNo=${failed.orderNo}`)).json();
    expect(list).toMatchObject({
      items: [
        { paymentNo, status: 'PROCESSING' },
        { paymentNo: failed.paymentNo, status: 'FAILED', failure: 'the channel has declined it' },
      ],
    });
  });

  it.each(['PAID', 'CANCELLED', 'REFUNDED'])('refuses an order that is %s', async (status) => {
    const answer = await world.pay(world.newOrder(status));
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({
      code: 'PAYMENT.NOT_PAYABLE',
      detail: expect.stringContaining(`is ${status}, only a PENDING one can be paid`),
    });
  });

  it('says 404 of an order that is not there, and leaves the key free', async () => {
    const orderNo = newDocumentNo(new Date());
    const key = randomUUID();
    const answer = await world.pay(orderNo, key);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'ORDER.NOT_FOUND' });
    world.orderStatus.set(orderNo, 'PENDING');
    expect((await world.pay(orderNo, key)).status).toBe(202);
  });

  it.each([
    ['is away', () => refusal(503, 'DATABASE.UNAVAILABLE')],
    ['says something else', () => ({ status: 200, body: { orderNo: 'x', status: 'PENDING' } })],
  ])('says 503 when the order service %s', async (_what, answering) => {
    world.orders.answer('GET /orders/:orderNo', answering);
    const answer = await world.pay(world.newOrder());
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'ORDER.UNAVAILABLE' });
  });

  it('refuses a key that stands for the payment of another order', async () => {
    const key = randomUUID();
    expect((await world.pay(world.newOrder(), key)).status).toBe(202);
    const answer = await world.pay(world.newOrder(), key);
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: 'REQUEST.KEY_REUSED' });
  });

  it.each([
    [{}, 'orderNo'],
    [{ orderNo: '' }, 'orderNo'],
    [{ orderNo: '4711' }, 'orderNo'],
    [{ orderNo: 4711 }, 'orderNo'],
    [{ orderNo: '../orders' }, 'orderNo'],
    [{ orderNo: '20261120-7K3M9Q2T4VXA', amountMinor: 1 }, 'amountMinor'],
  ])('refuses %p, naming %s', async (body, field) => {
    const answer = await world.payment.post('/payments', body, { 'Idempotency-Key': randomUUID() });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ errors: [{ field }] });
  });

  it('refuses a request without a key', async () => {
    const answer = await world.payment.post('/payments', { orderNo: world.newOrder() });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ errors: [{ field: 'Idempotency-Key' }] });
  });
});

describe('what the payment service tells of itself', () => {
  it('is how long the channel took, by request and outcome', async () => {
    const charges =
      /^millrace_channel_request_duration_seconds_count\{.*request="charge".*answered/;
    const before = await world.metric(charges);
    const { orderNo } = await world.requested();
    await world.logged(orderNo, 'event handled');
    expect(await world.metric(charges)).toBeGreaterThan(before);
  });

  it('is every path of it, as OpenAPI', () => {
    const { paths } = describeApi(world.payment.app, { name: 'payment', summary: '' });
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/payments', '/payments/{paymentNo}', '/channel-callbacks']),
    );
  });
});

describe('GET /payments', () => {
  it('shows none of an order nobody has tried to pay', async () => {
    const answer = await world.payment.get('/payments?orderNo=nobody');
    expect(await answer.json()).toEqual({ items: [] });
  });

  it.each(['', '?orderNo=', `?orderNo=${'x'.repeat(65)}`, '?orderNo=a&limit=1'])(
    'refuses %p',
    async (query) => {
      expect((await world.payment.get(`/payments${query}`)).status).toBe(400);
    },
  );

  it.each(['nothing', '20261120-000000000000', '%C3%A4'])('knows no payment %s', async (no) => {
    const answer = await world.payment.get(`/payments/${no}`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'PAYMENT.NOT_FOUND' });
  });
});

describe('without the broker', () => {
  it('a payment is begun all the same; the spool has it charged, and looked after, when the broker is back', async () => {
    world.broker.faults.refuseSends();
    const payment = await world.requested();
    expect(await world.payment.count('outbox_messages', `message_key = '${payment.orderNo}'`)).toBe(
      2,
    );
    world.broker.faults.endAll();
    await until(() => world.asked(Route.charge, payment.paymentNo).length === 1, {
      what: 'the charge',
    });
    await world.announced(payment.orderNo);
    world.channel.answer(Route.find, {
      status: 200,
      body: chargeOf(payment.paymentNo, 'SUCCEEDED'),
    });
    await world.broker.clock.advance('10s');
    await world.becomes(payment.paymentNo, 'SUCCEEDED');
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', 'Succeeded']);
  });
});
