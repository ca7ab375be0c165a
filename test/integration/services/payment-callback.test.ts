import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { BrokerBreaker } from '../../../services/common/broker-breaker.ts';
import { signCallback } from '../../../services/contracts/channel-callback.ts';
import { until } from '../../support/deadline.ts';
import { undecidedCount } from './half-messages.ts';
import { callbackOf, PaymentWorld, Route, SECRET, type PaymentAnswer } from './payment-world.ts';

let world: PaymentWorld;

beforeAll(async () => {
  world = await PaymentWorld.start();
});

afterEach(() => world.reset());

afterAll(() => world[Symbol.asyncDispose]());

const counted = (outcome: string): Promise<number> =>
  world.metric(new RegExp(`^millrace_channel_callbacks_total\\{.*outcome="${outcome}"`));

const noncesOf = ({ paymentNo }: PaymentAnswer): Promise<number> =>
  world.payment.count('channel_callbacks', `payment_no = '${paymentNo}'`);

const linesOf = (paymentNo: string): Record<string, unknown>[] =>
  world.payment.lines().filter((line) => line['paymentNo'] === paymentNo);

describe('a callback that is not the channel’s', () => {
  const another = (rawBody: string): string => rawBody.replace('1380', '1');

  it.each([
    ['signed with another secret', { secret: 'a secret of anybody' }, 'forged'],
    ['whose body was changed', { tamper: another }, 'forged'],
    ['whose body was written otherwise', { tamper: (raw: string) => `${raw} ` }, 'forged'],
    ['signed six minutes ago', { agoMs: 360_000 }, 'stale'],
    ['signed in six minutes', { agoMs: -360_000 }, 'stale'],
  ])('%s is refused with 401, logged, and moves nothing', async (_what, how, verdict) => {
    const payment = await world.requested();
    const before = await counted(verdict);
    const answer = await world.call(callbackOf(payment), how);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Signature');
    expect(await answer.json()).toMatchObject({ code: `CALLBACK.${verdict.toUpperCase()}` });
    expect(linesOf(payment.paymentNo)).toMatchObject([
      { level: 'warn', msg: `a ${verdict} callback was refused` },
    ]);
    expect(await counted(verdict)).toBe(before + 1);
    expect((await world.find(payment.paymentNo)).status).toBe('PROCESSING');
    expect(await noncesOf(payment)).toBe(0);
  });

  it('is refused without its headers, too, and without a body', async () => {
    const payment = await world.requested();
    const naked = await world.payment.post('/channel-callbacks', callbackOf(payment));
    expect(naked.status).toBe(401);
    expect((await world.payment.post('/channel-callbacks')).status).toBe(401);
  });

  it('never has its signature or body logged', async () => {
    const payment = await world.requested();
    const callback = callbackOf(payment);
    await world.call(callback, { secret: 'a secret of anybody' });
    await world.call(callback);
    const log = JSON.stringify(world.payment.lines());
    expect(log).not.toContain(callback.nonce);
    expect(log).not.toContain(SECRET);
    expect(log).not.toMatch(/[0-9a-f]{64}/);
  });

  it('does not put what it likes into the log', async () => {
    await world.call(callbackOf({ paymentNo: 'x","level":"fatal' }), { secret: 'of anybody' });
    expect(world.payment.lines().at(-1)).not.toHaveProperty('paymentNo');
  });
});

describe('a callback of the channel', () => {
  it('that comes again under a new nonce is a duplicate, and taken', async () => {
    const payment = await world.requested();
    const before = await counted('duplicate');
    await world.call(callbackOf(payment));
    const again = await world.call(callbackOf(payment));
    expect(again.status).toBe(200);
    expect(await again.json()).toEqual({ result: 'duplicate' });
    expect(await counted('duplicate')).toBe(before + 1);
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', 'Succeeded']);
    expect(
      await world.payment.query(
        'SELECT has_settled AS hasSettled FROM channel_callbacks WHERE payment_no = ? ORDER BY has_settled',
        [payment.paymentNo],
      ),
    ).toEqual([{ hasSettled: 0 }, { hasSettled: 1 }]);
  });

  it.each(['SUCCEEDED', 'FAILED'] as const)(
    'that says %s and is sent again as it was is refused as a replay, and logged',
    async (outcome) => {
      const payment = await world.requested();
      const callback = callbackOf(payment, { outcome });
      expect((await world.call(callback)).status).toBe(200);
      const again = await world.call(callback);
      expect(again.status).toBe(409);
      expect(await again.json()).toMatchObject({ code: 'CALLBACK.REPLAYED' });
      expect(linesOf(payment.paymentNo)).toContainEqual(
        expect.objectContaining({ level: 'warn', msg: 'a callback was refused: replayed' }),
      );
    },
  );

  it('is taken once of twenty copies at once', async () => {
    const payment = await world.requested();
    const callback = callbackOf(payment);
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.call(callback)));
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, ...Array.from({ length: 19 }, () => 409)]);
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', 'Succeeded']);
  });

  it('is announced once of twenty sendings with nonces of their own at once', async () => {
    const payment = await world.requested();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => world.call(callbackOf(payment))),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', 'Succeeded']);
    expect(await noncesOf(payment)).toBe(20);
  });

  it.each([
    ['FAILED', 'SUCCEEDED'],
    ['SUCCEEDED', 'FAILED'],
  ] as const)(
    'that says %s after %s is refused, naming the state, and is an error in the log',
    async (late, early) => {
      const payment = await world.requested();
      const before = await counted('contradiction');
      await world.call(callbackOf(payment, { outcome: early }));
      const answer = await world.call(callbackOf(payment, { outcome: late }));
      expect(answer.status).toBe(409);
      expect(await answer.json()).toMatchObject({
        code: 'PAYMENT.CONTRADICTION',
        detail: `payment ${payment.paymentNo} is ${early} and cannot become ${late}`,
      });
      expect(linesOf(payment.paymentNo)).toContainEqual(
        expect.objectContaining({ level: 'error' }),
      );
      expect(await counted('contradiction')).toBe(before + 1);
      expect((await world.find(payment.paymentNo)).status).toBe(early);
      expect(await world.announced(payment.orderNo)).toHaveLength(2);
      expect(await noncesOf(payment)).toBe(1);
    },
  );

  it('has one winner when it contradicts another at the same time', async () => {
    const payment = await world.requested();
    const outcomes = Array.from({ length: 10 }, (_, index) => (index % 2 ? 'FAILED' : 'SUCCEEDED'));
    const answers = await Promise.all(
      outcomes.map((outcome) => world.call(callbackOf(payment, { outcome }))),
    );
    const { status } = await world.find(payment.paymentNo);
    expect(answers.map((answer) => answer.status)).toEqual(
      outcomes.map((outcome) => (outcome === status ? 200 : 409)),
    );
    expect(await world.announced(payment.orderNo)).toHaveLength(2);
  });

  it.each([{ amountMinor: 1 }, { amountMinor: Number.MAX_SAFE_INTEGER }, { currency: 'USD' }])(
    'that speaks of other money (%p) is refused and moves nothing',
    async (money) => {
      const payment = await world.requested();
      const callback = callbackOf(payment, money);
      const answer = await world.call(callback);
      expect(answer.status).toBe(409);
      expect(await answer.json()).toMatchObject({ code: 'CALLBACK.WRONG_AMOUNT' });
      expect(linesOf(payment.paymentNo)).toContainEqual(
        expect.objectContaining({ level: 'error', msg: 'a callback contradicts what is known' }),
      );
      expect((await world.find(payment.paymentNo)).status).toBe('PROCESSING');
      // Refused, its nonce is not used up.
      const right = { ...callback, ...callbackOf(payment), nonce: callback.nonce };
      expect((await world.call(right)).status).toBe(200);
    },
  );

  it.each([
    ['of no payment', { requestNo: '20261120-000000000000' }, 404],
    ['without a nonce', { nonce: '' }, 400],
    ['with a number that is no text', { requestNo: 4 as unknown as string }, 400],
    ['with half a cent', { amountMinor: 0.5 }, 400],
    ['over nothing', { amountMinor: 0 }, 400],
    ['with an outcome of its own', { outcome: 'MAYBE' as 'FAILED' }, 400],
    ['without a time', { settledAt: 'now' }, 400],
  ])('%s is refused', async (_what, change, status) => {
    const payment = await world.requested();
    const answer = await world.call({ ...callbackOf(payment), ...change });
    expect(answer.status).toBe(status);
    expect((await world.find(payment.paymentNo)).status).toBe('PROCESSING');
  });

  it('that is not JSON is refused, also when it is signed', async () => {
    const timestampMs = Date.now();
    const answer = await fetch(`${world.payment.url}/channel-callbacks`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'X-Channel-Timestamp': String(timestampMs),
        'X-Channel-Signature': signCallback(SECRET, timestampMs, '<xml/>'),
      },
      body: '<xml/>',
    });
    expect(answer.status).toBe(400);
  });
});

describe('a callback whose effect cannot be committed', () => {
  it('may come again: its nonce is not used up', async () => {
    const payment = await world.requested();
    const callback = callbackOf(payment);
    await world.payment.query('RENAME TABLE message_transactions TO transactions_away');
    try {
      expect((await world.call(callback)).status).toBe(500);
    } finally {
      await world.payment.query('RENAME TABLE transactions_away TO message_transactions');
    }
    expect(await noncesOf(payment)).toBe(0);
    expect((await world.call(callback)).status).toBe(200);
  });

  it('is taken without the broker: the spool announces it when that is back, after what came before', async () => {
    world.broker.faults.refuseSends();
    const payment = await world.requested();
    expect((await world.call(callbackOf(payment))).status).toBe(200);
    expect((await world.find(payment.paymentNo)).status).toBe('SUCCEEDED');
    world.broker.faults.endAll();
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', 'Succeeded']);
    // The charge was asked for only then, and is not any more.
    await world.logged(payment.orderNo, 'overtaken event acknowledged');
    expect(world.asked(Route.charge, payment.paymentNo)).toEqual([]);
  });

  it('is announced by the broker’s own question when the end of its transaction is lost', async () => {
    const breaker = world.payment.app.get(BrokerBreaker, { strict: false });
    await until(() => !breaker.isOpen, { what: 'that nobody remembers the broker away' });
    const payment = await world.requested();
    await world.announced(payment.orderNo);
    const lost = world.broker.faults.loseEndTransactions();
    expect((await world.call(callbackOf(payment))).status).toBe(200);
    await until(async () => (await undecidedCount(world.broker)) === 1);
    lost.end();
    await until(
      async () => {
        await world.broker.clock.advance('1m');
        return (await undecidedCount(world.broker)) === 0;
      },
      { what: 'the check-back' },
    );
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', 'Succeeded']);
  });
});

describe('a replayed POST', () => {
  it('after the callback shows what came of the payment', async () => {
    const key = randomUUID();
    const orderNo = world.newOrder();
    const payment = (await (await world.pay(orderNo, key)).json()) as PaymentAnswer;
    await world.call(callbackOf(payment, { outcome: 'FAILED' }));
    const again = await world.pay(orderNo, key);
    expect(await again.json()).toMatchObject({ paymentNo: payment.paymentNo, status: 'FAILED' });
  });
});
