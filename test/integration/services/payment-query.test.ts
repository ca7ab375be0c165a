import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { PaymentQuery } from '../../../services/contracts/payment-query.ts';
import { until } from '../../support/deadline.ts';
import { refusal, type Asked, type PeerAnswer } from './fake-peer.ts';
import { untilLockWaits } from './lock-waits.ts';
import {
  AMOUNT,
  callbackOf,
  chargeOf,
  PaymentWorld,
  Route,
  wellBehaved,
  type PaymentAnswer,
} from './payment-world.ts';

const GIVE_UP_MS = 900_000;

let world: PaymentWorld;

beforeAll(async () => {
  // Connections for all who wait for one row, and for whoever looks at them.
  const env = { MAX_RECONSUME_TIMES: '3', DATABASE_POOL_SIZE: '30' };
  world = await PaymentWorld.start({ env });
});

afterEach(() => world.reset());

afterAll(() => world[Symbol.asyncDispose]());

const settled =
  (status: string) =>
  ({ path }: Asked): PeerAnswer => ({
    status: 200,
    body: chargeOf(path.split('/')[2]!, status),
  });

async function charged(): Promise<PaymentAnswer> {
  const payment = await world.requested();
  await world.logged(payment.orderNo, 'event handled');
  return payment;
}

describe('a charge', () => {
  it.each([
    ['fails', () => refusal(500, 'INTERNAL')],
    ['is not answered', (): PeerAnswer => 'hang'],
  ])('that %s is asked for again until it is taken', async (_what, answering) => {
    let isAway = true;
    world.channel.answer(Route.charge, (request) => (isAway ? answering() : wellBehaved(request)));
    const payment = await world.requested();
    await world.logged(payment.orderNo, 'event not handled, to be retried');
    isAway = false;
    await world.broker.drain('payment-charge', 'PAYMENT_EVENTS');
    await world.logged(payment.orderNo, 'event handled');
    expect(world.asked(Route.charge, payment.paymentNo).length).toBeGreaterThan(1);
  });

  it('that fails too often is a dead letter with a reason, and asked for again when the channel is back', async () => {
    let isAway = true;
    world.channel.answer(Route.charge, (request) =>
      isAway ? refusal(500, 'INTERNAL') : wellBehaved(request),
    );
    const payment = await world.requested();
    await until(
      async () => {
        await world.broker.clock.advance('1m');
        const letters = await world.broker.messages('%DLQ%payment-charge');
        return letters.find(({ keys }) => keys[0] === payment.orderNo);
      },
      { what: 'the dead letter' },
    ).then((letter) =>
      expect(letter.properties.get('DLQ_REASON')).toContain('THIRD_PARTY.UNAVAILABLE'),
    );
    isAway = false;
    await until(
      async () => {
        await world.broker.clock.advance('1m');
        return world.payment.logged(payment.orderNo, 'event handled') > 0;
      },
      { what: 'the charge' },
    );
  });

  it('that the channel was told to forget has failed', async () => {
    world.channel.answer(Route.charge, () => refusal(409, 'CHANNEL.VOIDED'));
    const payment = await world.requested();
    expect(await world.becomes(payment.paymentNo, 'FAILED')).toMatchObject({
      failure: expect.stringContaining('given up'),
      settledAt: expect.stringMatching(/Z$/),
    });
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', 'Failed']);
  });

  it('is asked for once more at most when its message comes again, and not when it has ended', async () => {
    const payment = await charged();
    await world.call(callbackOf(payment));
    const [requested] = await world.broker
      .messages('PAYMENT_EVENTS')
      .then((all) => all.filter(({ keys }) => keys[0] === payment.orderNo));
    const event = JSON.parse(requested!.text()) as { type: string; orderNo: string };
    await world.send('PAYMENT_EVENTS', event);
    await world.send('PAYMENT_EVENTS', { ...event, eventId: randomUUID() } as typeof event);
    await world.logged(payment.orderNo, 'overtaken event acknowledged', 2);
    expect(world.asked(Route.charge, payment.paymentNo)).toHaveLength(1);
  });

  it('that nobody can read is a dead letter with a reason, and holds up nobody', async () => {
    await world.producer.send({
      topic: 'PAYMENT_EVENTS',
      tags: 'Requested',
      keys: 'poison',
      body: '{"type":"Requested"}',
    });
    const letter = await until(async () => {
      const letters = await world.broker.messages('%DLQ%payment-charge');
      return letters.find(({ keys }) => keys[0] === 'poison');
    });
    expect(letter.properties.get('DLQ_REASON')).toBe('MESSAGE.POISON: eventId is not a text');
    await charged();
  });
});

describe('a payment of which the channel does not tell', () => {
  it.each([
    ['SUCCEEDED', 'Succeeded'],
    ['FAILED', 'Failed'],
  ] as const)('is asked after, and is %s as the channel says', async (status, tag) => {
    const payment = await charged();
    world.channel.answer(Route.find, settled(status));
    await world.broker.clock.advance('9s');
    expect((await world.find(payment.paymentNo)).status).toBe('PROCESSING');
    await world.broker.clock.advance('1s');
    expect(await world.becomes(payment.paymentNo, status)).toMatchObject({
      chargeNo: `CH-${payment.paymentNo}`,
      settledAt: '2026-11-20T10:00:00.000Z',
    });
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', tag]);
    // The callback comes after all.
    expect((await world.call(callbackOf(payment, { outcome: status }))).status).toBe(200);
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', tag]);
  });

  it.each([
    ['it is PROCESSING there', settled('PROCESSING')],
    ['it is unknown there', () => refusal(404, 'CHANNEL.NOT_FOUND')],
    ['the channel fails', () => refusal(500, 'INTERNAL')],
    ['the channel is silent', (): PeerAnswer => 'hang'],
    ['the channel talks nonsense', () => ({ status: 200, body: { status: 'WELL' } })],
  ])('is asked after again while %s', async (_what, answering) => {
    const payment = await charged();
    world.channel.answer(Route.find, answering);
    await world.query(payment);
    await world.logged(payment.orderNo, 'event not handled, to be retried');
    expect((await world.find(payment.paymentNo)).status).toBe('PROCESSING');
    expect(world.asked(Route.forget, payment.paymentNo)).toEqual([]);
    world.reset();
    world.channel.answer(Route.find, settled('SUCCEEDED'));
    await until(async () => {
      await world.broker.clock.advance('10s');
      return (await world.find(payment.paymentNo)).status === 'SUCCEEDED';
    });
  });

  it('is given up at last: the channel is told to forget it, and it has failed', async () => {
    const payment = await charged();
    world.payment.moveClock(GIVE_UP_MS + 1_000);
    world.channel.answer(Route.find, () => refusal(404, 'CHANNEL.NOT_FOUND'));
    await world.query(payment);
    expect(await world.becomes(payment.paymentNo, 'FAILED')).toMatchObject({
      failure: `the channel had not settled it within ${GIVE_UP_MS} ms`,
    });
    expect(world.asked(Route.forget, payment.paymentNo)).toHaveLength(1);
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', 'Failed']);
    world.reset();
    expect((await world.pay(payment.orderNo)).status).toBe(202);
  });

  it('that ends as it is given up is what the channel then says', async () => {
    const payment = await charged();
    world.payment.moveClock(GIVE_UP_MS + 1_000);
    let hasEnded = false;
    world.channel.answer(Route.find, (request) =>
      settled(hasEnded ? 'SUCCEEDED' : 'PROCESSING')(request),
    );
    world.channel.answer(Route.forget, () => {
      hasEnded = true;
      return refusal(409, 'CHANNEL.SETTLED');
    });
    await world.query(payment);
    await world.becomes(payment.paymentNo, 'SUCCEEDED');
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', 'Succeeded']);
  });

  it('is not given up while the channel cannot be told', async () => {
    const payment = await charged();
    world.payment.moveClock(GIVE_UP_MS + 1_000);
    world.channel.answer(Route.forget, (): PeerAnswer => 'hang');
    await world.query(payment);
    await world.logged(payment.orderNo, 'event not handled, to be retried');
    expect((await world.find(payment.paymentNo)).status).toBe('PROCESSING');
    world.reset();
    world.payment.moveClock(GIVE_UP_MS + 1_000);
    await until(async () => {
      await world.broker.clock.advance('10s');
      return (await world.find(payment.paymentNo)).status === 'FAILED';
    });
  });

  it('and which another has voided there has failed', async () => {
    const payment = await charged();
    world.channel.answer(Route.find, () => ({
      status: 200,
      body: { ...chargeOf(payment.paymentNo, 'VOIDED', 0), currency: 'XXX' },
    }));
    await world.query(payment);
    await world.becomes(payment.paymentNo, 'FAILED');
  });

  it('over another amount there is for a person to look at: a dead letter that says so', async () => {
    const payment = await charged();
    world.channel.answer(Route.find, () => ({
      status: 200,
      body: chargeOf(payment.paymentNo, 'SUCCEEDED', AMOUNT + 1),
    }));
    await world.query(payment);
    const letter = await until(async () => {
      const letters = await world.broker.messages('%DLQ%payment-query');
      return letters.find(({ keys }) => keys[0] === payment.orderNo);
    });
    expect(letter.properties.get('DLQ_REASON')).toContain('THIRD_PARTY.WRONG_AMOUNT');
    expect((await world.find(payment.paymentNo)).status).toBe('PROCESSING');
  });
});

describe('a query', () => {
  it('of a payment that never came to be sees to it that it never will', async () => {
    const query: PaymentQuery = {
      type: 'Query',
      eventId: randomUUID(),
      orderNo: world.newOrder(),
      paymentNo: '20261120-0000000000ZZ',
      transactionKey: randomUUID(),
    };
    await world.send('PAYMENT_QUERY', query);
    await world.logged(query.orderNo, 'overtaken event acknowledged');
    expect(
      await world.payment.query(
        'SELECT outcome FROM message_transactions WHERE transaction_key = ?',
        [query.transactionKey],
      ),
    ).toEqual([{ outcome: 'ROLLED_BACK' }]);
  });

  it('of a payment that has ended asks nobody', async () => {
    const payment = await world.succeeded();
    await world.query(payment);
    await world.logged(payment.orderNo, 'overtaken event acknowledged');
    expect(world.asked(Route.find, payment.paymentNo)).toEqual([]);
  });

  it('and a callback meet at the payment’s row: of twenty at once one is announced', async () => {
    const payment = await charged();
    world.channel.answer(Route.find, settled('SUCCEEDED'));
    const holder = world.payment.database.createQueryRunner();
    await holder.startTransaction();
    await holder.query('SELECT 1 FROM payments WHERE payment_no = ? FOR UPDATE', [
      payment.paymentNo,
    ]);
    const callbacks = Promise.all(Array.from({ length: 4 }, () => world.call(callbackOf(payment))));
    for (let count = 0; count < 16; count++) await world.query(payment);
    const [{ schema }] = (await holder.query('SELECT DATABASE() AS `schema`')) as [
      { schema: string },
    ];
    await untilLockWaits(world.payment.database, schema, 5);
    await holder.rollbackTransaction();
    await holder.release();
    expect((await callbacks).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await until(
      () =>
        world.payment.logged(payment.orderNo, 'overtaken event acknowledged') +
          world.payment.logged(payment.orderNo, 'duplicate event acknowledged') +
          world.payment.logged(payment.orderNo, 'event handled') ===
        17,
      { what: 'every query' },
    );
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', 'Succeeded']);
  });
});
