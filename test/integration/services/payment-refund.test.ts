import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { RefundStepDue } from '../../../services/contracts/refund-events.ts';
import { until } from '../../support/deadline.ts';
import { refusal, type PeerAnswer } from './fake-peer.ts';
import { untilLockWaits } from './lock-waits.ts';
import { AMOUNT, callbackOf, PaymentWorld, returnMoney, Route } from './payment-world.ts';

const GROUP = 'payment-on-return-money-due';
const RETRY_COUNT = 2;

let world: PaymentWorld;

beforeAll(async () => {
  world = await PaymentWorld.start({ env: { MAX_RECONSUME_TIMES: String(RETRY_COUNT) } });
});

afterEach(() => world.reset());

afterAll(() => world[Symbol.asyncDispose]());

const send = (due: RefundStepDue): Promise<void> => world.send('REFUND_EVENTS', due);

const typesOf = async (refundNo: string, count: number): Promise<string[]> =>
  (await world.results(refundNo, count)).map(({ type }) => type);

async function rowOf(refundNo: string): Promise<Record<string, unknown> | undefined> {
  const [row] = await world.payment.query<Record<string, unknown>>(
    'SELECT status, is_refused AS isRefused, attempt_count AS attempts, last_error AS lastError FROM payment_refunds WHERE refund_no = ?',
    [refundNo],
  );
  return row;
}

const channelCalls = (refundNo: string): number => world.asked(Route.refund, refundNo).length;

const refundsAnswer = (answer: () => PeerAnswer): void =>
  world.channel.answer(Route.refund, answer);

/** Lets the broker's clock go on until the step has so many answers. */
const answeredInTime = (refundNo: string, count: number): Promise<unknown> =>
  until(
    async () => {
      await world.broker.clock.advance('30s');
      return (await world.results(refundNo)).length >= count;
    },
    { what: `${count} answer(s) of ${refundNo}` },
  );

describe('money that is to be returned', () => {
  it('goes back through the channel, is answered, and seen at the payment', async () => {
    const payment = await world.succeeded();
    const due = returnMoney(payment, { refundMinor: 380, isWhole: false });
    await send(due);
    expect(await world.results(due.refundNo, 1)).toEqual([
      expect.objectContaining({
        type: 'Done',
        refundNo: due.refundNo,
        orderNo: due.orderNo,
        step: 'ReturnMoney',
        note: 'the channel has given the money back',
      }),
    ]);
    expect(world.asked(Route.refund, due.refundNo)).toEqual([
      expect.objectContaining({
        body: {
          refundNo: due.refundNo,
          requestNo: payment.paymentNo,
          amountMinor: 380,
          currency: 'EUR',
        },
      }),
    ]);
    expect(await world.find(payment.paymentNo)).toMatchObject({
      status: 'SUCCEEDED',
      refundedMinor: 380,
    });
    expect(await rowOf(due.refundNo)).toMatchObject({ status: 'SUCCEEDED', attempts: 1 });
  });

  it('goes back once, however often its step comes; each time it is answered', async () => {
    const payment = await world.succeeded();
    const due = returnMoney(payment);
    await send(due);
    await world.results(due.refundNo, 1);
    await send(due);
    await send({ ...due, eventId: randomUUID() });
    expect(await typesOf(due.refundNo, 3)).toEqual(['Done', 'Done', 'Done']);
    expect(channelCalls(due.refundNo)).toBe(1);
    expect((await world.find(payment.paymentNo)).refundedMinor).toBe(AMOUNT);
  });

  it('of which there is none is done without the channel', async () => {
    const payment = await world.succeeded();
    const due = returnMoney(payment, { refundMinor: 0 });
    await send(due);
    expect(await typesOf(due.refundNo, 1)).toEqual(['Done']);
    expect(channelCalls(due.refundNo)).toBe(0);
    expect(await rowOf(due.refundNo)).toMatchObject({ status: 'SUCCEEDED', attempts: 0 });
  });

  it.each([
    ['fails', () => refusal(503, 'CHANNEL.UNAVAILABLE')],
    ['is silent', (): PeerAnswer => 'hang'],
  ])('is tried again while the channel %s, and goes back then', async (_what, answering) => {
    const payment = await world.succeeded();
    let failures = 1;
    refundsAnswer(() =>
      failures-- > 0 ? answering() : { status: 200, body: { status: 'SUCCEEDED' } },
    );
    const due = returnMoney(payment);
    await send(due);
    await world.logged(payment.orderNo, 'event not handled, to be retried');
    expect(await rowOf(due.refundNo)).toMatchObject({
      status: 'PROCESSING',
      lastError: expect.stringContaining('THIRD_PARTY.UNAVAILABLE'),
    });
    await answeredInTime(due.refundNo, 1);
    expect(await typesOf(due.refundNo, 1)).toEqual(['Done']);
    expect(await rowOf(due.refundNo)).toMatchObject({ status: 'SUCCEEDED', attempts: 2 });
  });

  it('fails when the channel has failed too often, and goes back when an operator has it tried again', async () => {
    const payment = await world.succeeded();
    refundsAnswer(() => refusal(503, 'CHANNEL.UNAVAILABLE'));
    const due = returnMoney(payment);
    await send(due);
    await answeredInTime(due.refundNo, 1);
    const [failed] = await world.results(due.refundNo, 1);
    expect(failed).toMatchObject({
      type: 'Failed',
      note: expect.stringContaining('THIRD_PARTY.UNAVAILABLE'),
    });
    expect(await rowOf(due.refundNo)).toMatchObject({
      status: 'FAILED',
      isRefused: 0,
      attempts: RETRY_COUNT + 1,
    });
    // The dead letter has been dealt with: nothing tries it again by itself.
    await world.broker.clock.advance('1h');
    expect(channelCalls(due.refundNo)).toBe(RETRY_COUNT + 1);
    world.reset();
    await send(due);
    await world.logged(payment.orderNo, 'duplicate event acknowledged');
    expect(channelCalls(due.refundNo)).toBe(RETRY_COUNT + 1);
    await send({ ...due, eventId: randomUUID() });
    expect(await typesOf(due.refundNo, 2)).toEqual(['Failed', 'Done']);
    expect(await rowOf(due.refundNo)).toMatchObject({
      status: 'SUCCEEDED',
      attempts: RETRY_COUNT + 2,
    });
  });

  it('that fails for an operator, too, is told as failed again', async () => {
    const payment = await world.succeeded();
    refundsAnswer(() => refusal(503, 'CHANNEL.UNAVAILABLE'));
    const due = returnMoney(payment);
    await send(due);
    await answeredInTime(due.refundNo, 1);
    await send({ ...due, eventId: randomUUID() });
    await answeredInTime(due.refundNo, 2);
    expect(await typesOf(due.refundNo, 2)).toEqual(['Failed', 'Failed']);
  });

  it('fails at once when the channel refuses it for good', async () => {
    const payment = await world.succeeded();
    refundsAnswer(() => refusal(409, 'CHANNEL.NOT_CHARGED'));
    const due = returnMoney(payment);
    await send(due);
    const [failed] = await world.results(due.refundNo, 1);
    expect(failed).toMatchObject({
      type: 'Failed',
      note: 'CHANNEL.NOT_CHARGED: refused: CHANNEL.NOT_CHARGED',
    });
    expect(await rowOf(due.refundNo)).toMatchObject({ status: 'FAILED', isRefused: 1 });
    world.reset();
    await send({ ...due, eventId: randomUUID() });
    expect(await typesOf(due.refundNo, 2)).toEqual(['Failed', 'Done']);
    expect(await rowOf(due.refundNo)).toMatchObject({ status: 'SUCCEEDED', isRefused: 0 });
  });

  it('never is more than was paid, also when much is wanted at once', async () => {
    const payment = await world.succeeded();
    const dues = Array.from({ length: 10 }, () => returnMoney(payment, { refundMinor: 300 }));
    await Promise.all(dues.map(send));
    const results = await Promise.all(dues.map(({ refundNo }) => typesOf(refundNo, 1)));
    expect(results.flat().toSorted((a, b) => a.localeCompare(b))).toEqual([
      ...Array.from({ length: 4 }, () => 'Done'),
      ...Array.from({ length: 6 }, () => 'Failed'),
    ]);
    expect((await world.find(payment.paymentNo)).refundedMinor).toBe(1_200);
    const refusedNo = dues[results.findIndex(([type]) => type === 'Failed')]!.refundNo;
    expect(await world.results(refusedNo)).toMatchObject([
      { note: expect.stringMatching(/^the refunds would come to \d+, payment .* is over 1380$/) },
    ]);
    expect(channelCalls(refusedNo)).toBe(0);
  });

  it('counts what was given up: nobody knows whether that has gone back', async () => {
    const payment = await world.succeeded();
    refundsAnswer(() => refusal(503, 'CHANNEL.UNAVAILABLE'));
    const first = returnMoney(payment, { refundMinor: 1_000 });
    await send(first);
    await answeredInTime(first.refundNo, 1);
    world.reset();
    const second = returnMoney(payment, { refundMinor: 1_000 });
    await send(second);
    expect(await typesOf(second.refundNo, 1)).toEqual(['Failed']);
    await send({ ...first, eventId: randomUUID() });
    expect(await typesOf(first.refundNo, 2)).toEqual(['Failed', 'Done']);
  });

  it.each([
    ['of a payment in another currency', { currency: 'USD' }, 'is in EUR, not in USD'],
    ['of another order', { orderNo: '20261120-000000000000' }, 'not 20261120-000000000000'],
  ])('%s is refused', async (_what, change, note) => {
    const due = returnMoney(await world.succeeded(), change);
    await send(due);
    expect(await world.results(due.refundNo, 1)).toMatchObject([
      { type: 'Failed', note: expect.stringContaining(note) },
    ]);
    expect(channelCalls(due.refundNo)).toBe(0);
  });

  it('under a number that stands for another refund is refused, and that one left alone', async () => {
    const payment = await world.succeeded();
    const due = returnMoney(payment, { refundMinor: 100 });
    await send(due);
    await world.results(due.refundNo, 1);
    await send({ ...due, refundMinor: 200, eventId: randomUUID() });
    expect(await typesOf(due.refundNo, 2)).toEqual(['Done', 'Failed']);
    expect((await world.find(payment.paymentNo)).refundedMinor).toBe(100);
  });

  it('before the payment is settled waits for that', async () => {
    const payment = await world.requested();
    const due = returnMoney(payment);
    await send(due);
    await world.logged(payment.orderNo, 'event not handled, to be retried');
    expect(await rowOf(due.refundNo)).toBeUndefined();
    await world.call(callbackOf(payment));
    await answeredInTime(due.refundNo, 1);
    expect(await typesOf(due.refundNo, 1)).toEqual(['Done']);
  });

  it('of a payment that is not there is told as failed after the last try', async () => {
    const orderNo = world.newOrder();
    const due = returnMoney({ orderNo, paymentNo: '20261120-000000000000' });
    await send(due);
    await answeredInTime(due.refundNo, 1);
    expect(await world.results(due.refundNo)).toMatchObject([
      { type: 'Failed', note: expect.stringContaining('PAYMENT.NOT_FOUND') },
    ]);
    expect(await rowOf(due.refundNo)).toBeUndefined();
  });

  it('asks the channel outside of any transaction', async () => {
    const payment = await world.succeeded();
    let release: (() => void) | undefined;
    refundsAnswer(() => {
      release?.();
      return 'hang';
    });
    const asked = new Promise<void>((resolve) => (release = resolve));
    await send(returnMoney(payment));
    await asked;
    // Would wait for a lock otherwise, for as long as the channel is silent.
    await world.payment.query('SELECT 1 FROM payments WHERE payment_no = ? FOR UPDATE NOWAIT', [
      payment.paymentNo,
    ]);
  });

  it('is noted and answered together: after a crash between the channel and the note it is asked again', async () => {
    const payment = await world.succeeded();
    const due = returnMoney(payment);
    let hasBroken = false;
    const holder = world.payment.database.createQueryRunner();
    const held = new Promise<void>((resolve, reject) => {
      refundsAnswer(() => {
        if (!hasBroken) {
          hasBroken = true;
          // The money is back, and the table in which to note it is not there.
          holder
            .query('RENAME TABLE payment_refunds TO refunds_away')
            .then(() => resolve(), reject);
          return 'hang';
        }
        return { status: 200, body: { status: 'SUCCEEDED' } };
      });
    });
    await send(due);
    await held;
    await world.logged(payment.orderNo, 'event not handled, to be retried');
    await holder.query('RENAME TABLE refunds_away TO payment_refunds');
    await holder.release();
    expect(await world.results(due.refundNo)).toEqual([]);
    await answeredInTime(due.refundNo, 1);
    expect(await typesOf(due.refundNo, 1)).toEqual(['Done']);
    expect(channelCalls(due.refundNo)).toBe(2);
  });

  it('is answered once by two deliveries at once', async () => {
    const payment = await world.succeeded();
    const due = returnMoney(payment);
    const holder = world.payment.database.createQueryRunner();
    await holder.startTransaction();
    await holder.query('SELECT 1 FROM payments WHERE payment_no = ? FOR UPDATE', [
      payment.paymentNo,
    ]);
    await send(due);
    await send(due);
    const [{ schema }] = (await holder.query('SELECT DATABASE() AS `schema`')) as [
      { schema: string },
    ];
    await untilLockWaits(world.payment.database, schema, 1);
    await holder.rollbackTransaction();
    await holder.release();
    await world.results(due.refundNo, 1);
    await world.broker.consumed(GROUP, 'REFUND_EVENTS');
    expect(await rowOf(due.refundNo)).toMatchObject({ status: 'SUCCEEDED' });
    expect((await world.find(payment.paymentNo)).refundedMinor).toBe(AMOUNT);
  });
});

describe('a step that nobody can read', () => {
  it('is a dead letter with a reason, stays in the DLQ, and holds up nobody', async () => {
    await world.producer.send({
      topic: 'REFUND_EVENTS',
      tags: 'ReturnMoney',
      keys: 'poison',
      body: '<xml/>',
    });
    const letter = await until(async () => {
      const letters = await world.broker.messages(`%DLQ%${GROUP}`);
      return letters.find(({ keys }) => keys[0] === 'poison');
    });
    expect(letter.properties.get('DLQ_REASON')).toBe('MESSAGE.POISON: the body is not JSON');
    await world.logged('poison', 'dead letter parked, it stays in the DLQ');
    const due = returnMoney(await world.succeeded());
    await send(due);
    expect(await typesOf(due.refundNo, 1)).toEqual(['Done']);
  });
});
