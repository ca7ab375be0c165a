import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { describeApi } from '../../../services/common/service-process.ts';
import { until, within } from '../../support/deadline.ts';
import { TestProcess } from '../../support/process.ts';
import { CallbackReceiver, type ReceivedCallback } from './callback-receiver.ts';
import { dropSchema, newSchema, startService, type RunningService } from './shop.ts';

const CHANNEL_SECRET = 'a secret of the tests';
const env = {
  CHANNEL_SECRET,
  THIRD_PARTY_SEED: '4711',
  CHANNEL_LATENCY_MS: '0',
  CARRIER_LATENCY_MS: '0',
  CHANNEL_CALLBACK_MIN_BACKOFF_MS: '1',
  CHANNEL_CALLBACK_MAX_BACKOFF_MS: '5',
};
const LONG_MS = 600_000;
const MANY = 20;

interface ChargeAnswer {
  requestNo: string;
  chargeNo: string;
  status: string;
  amountMinor: number;
  refundedMinor: number;
  currency: string;
  settledAt?: string;
}

let third: RunningService;
let receiver: CallbackReceiver;
let usual: { channel: object; carrier: object };

beforeAll(async () => {
  receiver = await CallbackReceiver.start(CHANNEL_SECRET);
  third = await startService('third-party', { env });
  usual = (await (await third.get('/behaviour')).json()) as typeof usual;
});

afterEach(() => behave(usual));

afterAll(async () => {
  await third[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

const put = (body: unknown): Promise<Response> =>
  fetch(`${third.url}/behaviour`, {
    method: 'PUT',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });

async function behave(changes: object): Promise<void> {
  expect((await put(changes)).status).toBe(200);
}

const newNo = (): string => `PAY-${randomUUID()}`;

const charge = (requestNo: string, change: object = {}): Promise<Response> => {
  const request = { requestNo, amountMinor: 1_000, currency: 'EUR', callbackUrl: receiver.url };
  return third.post('/charges', { ...request, ...change });
};

async function find(requestNo: string): Promise<ChargeAnswer> {
  return (await (await third.get(`/charges/${requestNo}`)).json()) as ChargeAnswer;
}

const settled = (requestNo: string): Promise<ChargeAnswer> =>
  until(
    async () => {
      const found = await find(requestNo);
      return found.settledAt === undefined ? undefined : found;
    },
    { what: `the settlement of ${requestNo}` },
  );

async function charged(change: object = {}): Promise<string> {
  const requestNo = newNo();
  expect((await charge(requestNo, change)).status).toBe(202);
  expect(await settled(requestNo)).toMatchObject({ status: 'SUCCEEDED' });
  return requestNo;
}

/** All there is to do for it is done. */
const finished = (requestNo: string): Promise<unknown> =>
  until(
    async () =>
      (await third.count('channel_charges', `request_no = '${requestNo}' AND due_at IS NULL`)) ===
      1,
    { what: `the end of ${requestNo}` },
  );

const callbacks = (requestNo: string, count: number): Promise<ReceivedCallback[]> =>
  until(
    () => {
      const received = receiver.of(requestNo);
      return received.length >= count ? received : undefined;
    },
    { what: `${count} callback(s) of ${requestNo}` },
  );

const voidIt = (requestNo: string): Promise<Response> => third.post(`/charges/${requestNo}/void`);

const refund = (requestNo: string, refundNo: string, amountMinor = 100): Promise<Response> =>
  third.post('/refunds', { refundNo, requestNo, amountMinor, currency: 'EUR' });

const items = [{ sku: 'TEA-GREEN-100', quantity: 2 }];
const ship = (requestNo: string, change: object = {}): Promise<Response> =>
  third.post('/shipments', { requestNo, orderNo: 'order-1', items, ...change });
const cancel = (requestNo: string): Promise<Response> =>
  third.post(`/shipments/${requestNo}/cancel`);

const times = <T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

async function problem(answer: Response): Promise<object> {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  return (await answer.json()) as object;
}

describe('a charge', () => {
  it('is taken at once, settled later, and told of by a signed callback', async () => {
    const requestNo = newNo();
    const answer = await charge(requestNo);
    expect(answer.status).toBe(202);
    expect(await answer.json()).toEqual({ requestNo, status: 'PROCESSING' });
    const [received] = await callbacks(requestNo, 1);
    const found = await find(requestNo);
    expect(found).toEqual({
      requestNo,
      chargeNo: expect.stringMatching(/^CH-/),
      status: 'SUCCEEDED',
      amountMinor: 1_000,
      refundedMinor: 0,
      currency: 'EUR',
      settledAt: expect.stringMatching(/Z$/),
    });
    expect(received).toMatchObject({
      verdict: 'ok',
      callback: {
        nonce: expect.stringMatching(/^[0-9a-f-]{36}$/),
        requestNo,
        chargeNo: found.chargeNo,
        outcome: 'SUCCEEDED',
        amountMinor: 1_000,
        currency: 'EUR',
        settledAt: found.settledAt,
      },
    });
    await finished(requestNo);
    expect(receiver.of(requestNo)).toHaveLength(1);
  });

  // Several times: of requests that come as the callback goes out, none may read the row before and follow it after.
  it.each([1, 2, 3, 4, 5])('is one, asked for 20 times at once (%d)', async () => {
    const requestNo = newNo();
    const answers = await times(MANY, () => charge(requestNo));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await third.count('channel_charges', `request_no = '${requestNo}'`)).toBe(1);
    await finished(requestNo);
    expect(receiver.of(requestNo)).toHaveLength(1);
    expect(await (await charge(requestNo)).json()).toEqual({ requestNo, status: 'SUCCEEDED' });
  });

  it.each([{ amountMinor: 1_001 }, { currency: 'USD' }])(
    'keeps its number to itself: 409 with %j',
    async (change) => {
      const requestNo = newNo();
      await charge(requestNo);
      const answer = await charge(requestNo, change);
      expect(answer.status).toBe(409);
      expect(await problem(answer)).toMatchObject({ code: 'CHANNEL.REQUEST_REUSED' });
    },
  );

  it('goes on when it is asked for again and only its row was left of the first time', async () => {
    const requestNo = newNo();
    // As a database leaves it that committed and went away before it said so.
    await third.query(
      `INSERT INTO channel_charges VALUES
         (?, ?, 'PROCESSING', 1000, 0, 'EUR', ?, 0, UTC_TIMESTAMP(3), NULL, UTC_TIMESTAMP(3))`,
      [requestNo, `CH-${randomUUID().slice(0, 20)}`, receiver.url],
    );
    expect((await charge(requestNo)).status).toBe(202);
    expect(await settled(requestNo)).toMatchObject({ status: 'SUCCEEDED' });
    await callbacks(requestNo, 1);
    await finished(requestNo);
    expect(receiver.of(requestNo)).toHaveLength(1);
  });

  it('is not found before it came, nor under a number none can have', async () => {
    expect((await third.get(`/charges/${newNo()}`)).status).toBe(404);
    expect((await third.get('/charges/%D0%BA')).status).toBe(400);
  });

  it('is told of again until somebody takes it', async () => {
    const requestNo = newNo();
    receiver.answer(requestNo, [500, 'none', 302, 404]);
    await charge(requestNo);
    await finished(requestNo);
    const received = receiver.of(requestNo);
    expect(received.map(({ verdict }) => verdict)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(new Set(received.map(({ callback }) => callback.nonce)).size).toBe(5);
    expect(new Set(received.map(({ callback }) => callback.chargeNo)).size).toBe(1);
  });

  it('is told of no more when it is known: 409', async () => {
    const requestNo = newNo();
    receiver.answer(requestNo, [409]);
    await charge(requestNo);
    await finished(requestNo);
    expect(receiver.of(requestNo)).toHaveLength(1);
  });

  it('is told of ten times at most', async () => {
    const requestNo = newNo();
    receiver.answer(
      requestNo,
      Array.from({ length: 50 }, () => 503),
    );
    await charge(requestNo);
    await finished(requestNo);
    expect(receiver.of(requestNo)).toHaveLength(10);
  });
});

describe('voiding', () => {
  it('ends a charge that is still open, and again says the same', async () => {
    await behave({ channel: { latencyMs: LONG_MS } });
    const requestNo = newNo();
    await charge(requestNo);
    for (const answer of [await voidIt(requestNo), await voidIt(requestNo)]) {
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual({ status: 'VOIDED' });
    }
    const late = await charge(requestNo);
    expect(late.status).toBe(409);
    expect(await problem(late)).toMatchObject({ code: 'CHANNEL.VOIDED' });
  });

  it('keeps out a charge that comes after it', async () => {
    const requestNo = newNo();
    expect(await (await voidIt(requestNo)).json()).toEqual({ status: 'VOIDED' });
    expect(await find(requestNo)).toMatchObject({ status: 'VOIDED', amountMinor: 0 });
    const late = await charge(requestNo);
    expect(late.status).toBe(409);
    expect(await problem(late)).toMatchObject({ code: 'CHANNEL.VOIDED' });
  });

  it('is too late for one that has succeeded', async () => {
    const answer = await voidIt(await charged());
    expect(answer.status).toBe(409);
    expect(await problem(answer)).toMatchObject({
      code: 'CHANNEL.SETTLED',
      detail: expect.stringContaining('SUCCEEDED'),
    });
  });

  it('leaves a failed one FAILED', async () => {
    await behave({ channel: { declineRate: 1 } });
    const requestNo = newNo();
    await charge(requestNo);
    await settled(requestNo);
    expect(await (await voidIt(requestNo)).json()).toEqual({ status: 'FAILED' });
  });

  it('and settling at once come to one end, and everybody hears of the same', async () => {
    const requestNos = await times(MANY, async () => newNo());
    await Promise.all(
      requestNos.map(async (requestNo) => {
        const [asked, voided] = await Promise.all([charge(requestNo), voidIt(requestNo)]);
        await finished(requestNo);
        const { status } = await find(requestNo);
        if (voided.status === 200) expect(status).toBe('VOIDED');
        else expect(status).toBe('SUCCEEDED');
        if (status === 'SUCCEEDED') expect(asked.status).toBe(202);
        expect(receiver.of(requestNo)).toHaveLength(status === 'SUCCEEDED' ? 1 : 0);
      }),
    );
  });
});

describe('a refund', () => {
  it('gives back a part, once for its number', async () => {
    const requestNo = await charged();
    const refundNo = randomUUID();
    const answers = await times(MANY, () => refund(requestNo, refundNo));
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual({ refundNo, status: 'SUCCEEDED' });
    }
    expect(await find(requestNo)).toMatchObject({ refundedMinor: 100 });
    expect(await third.count('channel_refunds', `refund_no = '${refundNo}'`)).toBe(1);
  });

  it('can never come to more than the charge, with 20 at once', async () => {
    const requestNo = await charged();
    const answers = await times(MANY, () => refund(requestNo, randomUUID(), 300));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
    expect(statuses.filter((status) => status === 409)).toHaveLength(MANY - 3);
    const refused = answers.find(({ status }) => status === 409)!;
    expect(await problem(refused)).toMatchObject({
      code: 'CHANNEL.OVER_REFUND',
      detail: expect.stringMatching(/come to 1200, it was over 1000$/),
    });
    expect(await find(requestNo)).toMatchObject({ refundedMinor: 900 });
    expect(await third.count('channel_refunds', `request_no = '${requestNo}'`)).toBe(3);
    expect((await refund(requestNo, randomUUID(), 100)).status).toBe(200);
  });

  it('that was refused leaves its number free, and one that was given says so when all is back', async () => {
    const requestNo = await charged();
    const refundNo = randomUUID();
    expect((await refund(requestNo, refundNo, 1_001)).status).toBe(409);
    expect((await refund(requestNo, refundNo, 1_000)).status).toBe(200);
    expect((await refund(requestNo, refundNo, 1_000)).status).toBe(200);
  });

  it('keeps its number to itself, also across charges', async () => {
    const [one, other] = [await charged(), await charged()];
    const refundNo = randomUUID();
    expect((await refund(one, refundNo)).status).toBe(200);
    for (const answer of [await refund(one, refundNo, 99), await refund(other, refundNo)]) {
      expect(answer.status).toBe(409);
      expect(await problem(answer)).toMatchObject({ code: 'CHANNEL.REQUEST_REUSED' });
    }
    expect(await find(other)).toMatchObject({ refundedMinor: 0 });
  });

  it('needs a charge that has succeeded', async () => {
    await behave({ channel: { latencyMs: LONG_MS } });
    const open = newNo();
    await charge(open);
    for (const answer of [await refund(newNo(), randomUUID()), await refund(open, randomUUID())]) {
      expect(answer.status).toBe(409);
      expect(await problem(answer)).toMatchObject({ code: 'CHANNEL.NOT_CHARGED' });
    }
    await voidIt(open);
  });
});

describe('a shipment', () => {
  it('leaves once for 20 requests at once', async () => {
    const requestNo = newNo();
    const answers = await times(MANY, () => ship(requestNo));
    const shipped = (await Promise.all(answers.map((answer) => answer.json()))) as object[];
    expect(shipped[0]).toEqual({
      requestNo,
      trackingNo: expect.stringMatching(/^TRK-/),
      status: 'ACCEPTED',
    });
    for (const each of shipped) expect(each).toEqual(shipped[0]);
    expect(await (await third.get(`/shipments/${requestNo}`)).json()).toEqual(shipped[0]);
    expect(await third.count('carrier_shipments', `request_no = '${requestNo}'`)).toBe(1);
  });

  it('keeps its number to itself', async () => {
    const requestNo = newNo();
    await ship(requestNo);
    const answer = await ship(requestNo, { orderNo: 'order-2' });
    expect(answer.status).toBe(409);
    expect(await problem(answer)).toMatchObject({ code: 'CARRIER.REQUEST_REUSED' });
  });

  it('cannot be cancelled any more', async () => {
    const requestNo = newNo();
    await ship(requestNo);
    const answer = await cancel(requestNo);
    expect(answer.status).toBe(409);
    expect(await problem(answer)).toMatchObject({ code: 'CARRIER.SHIPPED' });
  });

  it('that was cancelled before it came never leaves', async () => {
    const requestNo = newNo();
    for (const answer of [await cancel(requestNo), await cancel(requestNo)]) {
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual({ status: 'CANCELLED' });
    }
    const late = await ship(requestNo);
    expect(late.status).toBe(409);
    expect(await problem(late)).toMatchObject({ code: 'CARRIER.CANCELLED' });
    expect(await (await third.get(`/shipments/${requestNo}`)).json()).toEqual({
      requestNo,
      status: 'CANCELLED',
    });
  });

  it('either leaves or is cancelled, when both are asked for at once', async () => {
    await times(MANY, async () => {
      const requestNo = newNo();
      const [shipped, cancelled] = await Promise.all([ship(requestNo), cancel(requestNo)]);
      expect(new Set([shipped.status, cancelled.status])).toEqual(new Set([200, 409]));
    });
  });

  it('is not found before it came', async () => {
    expect((await third.get(`/shipments/${newNo()}`)).status).toBe(404);
  });
});

describe('told to misbehave, the channel', () => {
  it('fails before it stores anything', async () => {
    await behave({ channel: { errorRate: 1 } });
    const requestNo = newNo();
    const answer = await charge(requestNo);
    expect(answer.status).toBe(500);
    expect(await problem(answer)).toMatchObject({ code: 'HTTP.500' });
    expect((await third.get(`/charges/${requestNo}`)).status).toBe(404);
  });

  it('fails by its seed: about half of all, for a rate of one half', async () => {
    await behave({ channel: { errorRate: 0.5 } });
    const answers = await times(100, () => charge(newNo()));
    const failed = answers.filter(({ status }) => status === 500).length;
    expect(failed).toBeGreaterThan(25);
    expect(failed).toBeLessThan(75);
  });

  it('never answers, though it has stored the charge', async () => {
    await behave({ channel: { lostAnswerRate: 1 } });
    const requestNo = newNo();
    const giveUp = new AbortController();
    const asked = fetch(`${third.url}/charges`, {
      method: 'POST',
      body: JSON.stringify({
        requestNo,
        amountMinor: 5,
        currency: 'EUR',
        callbackUrl: receiver.url,
      }),
      headers: { 'content-type': 'application/json' },
      signal: giveUp.signal,
    });
    await callbacks(requestNo, 1);
    expect(await find(requestNo)).toMatchObject({ status: 'SUCCEEDED' });
    giveUp.abort();
    await expect(asked).rejects.toThrow('abort');
    await behave({ channel: { lostAnswerRate: 0 } });
    const again = await charge(requestNo, { amountMinor: 5 });
    expect(await again.json()).toEqual({ requestNo, status: 'SUCCEEDED' });
  });

  it('declines', async () => {
    await behave({ channel: { declineRate: 1 } });
    const requestNo = newNo();
    await charge(requestNo);
    const [received] = await callbacks(requestNo, 1);
    expect(received?.callback.outcome).toBe('FAILED');
    expect(await find(requestNo)).toMatchObject({ status: 'FAILED' });
  });

  it('sends callbacks twice, each with a nonce of its own', async () => {
    await behave({ channel: { duplicateCallbackRate: 1 } });
    const requestNo = newNo();
    await charge(requestNo);
    const [first, second] = await callbacks(requestNo, 2);
    const { nonce: firstNonce, ...firstFacts } = first!.callback;
    const { nonce: secondNonce, ...secondFacts } = second!.callback;
    expect(secondNonce).not.toBe(firstNonce);
    expect(secondFacts).toEqual(firstFacts);
    expect(second!.verdict).toBe('ok');
  });

  it('sends callbacks late', async () => {
    await behave({ channel: { lateCallbackMs: 300 } });
    const requestNo = newNo();
    await charge(requestNo);
    const [received] = await callbacks(requestNo, 1);
    const settledAtMs = Date.parse(received!.callback.settledAt);
    expect(received!.atMs - settledAtMs).toBeGreaterThanOrEqual(299);
  });

  it('takes its time to settle', async () => {
    await behave({ channel: { latencyMs: 1_000 } });
    const requestNo = newNo();
    const askedAtMs = Date.now();
    await charge(requestNo);
    expect(await find(requestNo)).toMatchObject({ status: 'PROCESSING' });
    const { settledAt } = await settled(requestNo);
    expect(Date.parse(settledAt!) - askedAtMs).toBeGreaterThanOrEqual(999);
  });

  it('loses callbacks: only a query tells', async () => {
    await behave({ channel: { lostCallbackRate: 1 } });
    const requestNo = await charged();
    await finished(requestNo);
    expect(receiver.of(requestNo)).toHaveLength(0);
  });

  it('fails the next refunds, and those of one charge', async () => {
    const [one, other] = [await charged(), await charged()];
    await behave({ channel: { failNextRefunds: 1 } });
    const failed = await refund(one, randomUUID());
    expect(failed.status).toBe(503);
    expect(await problem(failed)).toMatchObject({ code: 'CHANNEL.UNAVAILABLE' });
    expect((await refund(one, randomUUID())).status).toBe(200);
    await behave({ channel: { failRefundsOf: { [one]: 2 } } });
    const refundNo = randomUUID();
    expect((await refund(other, randomUUID())).status).toBe(200);
    const statuses: number[] = [];
    for (let count = 0; count < 3; count++) statuses.push((await refund(one, refundNo)).status);
    expect(statuses).toEqual([503, 503, 200]);
    expect(await (await third.get('/behaviour')).json()).toEqual(usual);
  });
});

describe('told to misbehave, the carrier', () => {
  it('fails before it stores anything', async () => {
    const requestNo = newNo();
    await behave({ carrier: { failNextShipments: 1, errorRate: 1 } });
    expect((await ship(requestNo)).status).toBe(503);
    expect((await ship(requestNo)).status).toBe(500);
    expect((await third.get(`/shipments/${requestNo}`)).status).toBe(404);
    await behave({ carrier: { errorRate: 0 } });
    expect((await ship(requestNo)).status).toBe(200);
  });

  it('is slow, so that whoever gives up and cancels is in time', async () => {
    const requestNo = newNo();
    await behave({ carrier: { latencyMs: 1_000 } });
    const shipping = ship(requestNo);
    expect((await cancel(requestNo)).status).toBe(200);
    expect((await shipping).status).toBe(409);
  });

  it('never answers, though the shipment has left', async () => {
    const requestNo = newNo();
    await behave({ carrier: { lostAnswerRate: 1 } });
    const giveUp = new AbortController();
    const asked = fetch(`${third.url}/shipments`, {
      method: 'POST',
      body: JSON.stringify({ requestNo, orderNo: 'order-1', items }),
      headers: { 'content-type': 'application/json' },
      signal: giveUp.signal,
    });
    await until(async () => (await third.get(`/shipments/${requestNo}`)).status === 200, {
      what: 'the shipment',
    });
    giveUp.abort();
    await expect(asked).rejects.toThrow('abort');
  });
});

describe('the third party', () => {
  it('changes what is named of its behaviour and shows all of it', async () => {
    const answer = await put({ channel: { declineRate: 0.25 } });
    const expected = { ...usual, channel: { ...usual.channel, declineRate: 0.25 } };
    expect(await answer.json()).toEqual(expected);
    expect(await (await third.get('/behaviour')).json()).toEqual(expected);
  });

  it('refuses bad values field by field and changes nothing', async () => {
    const answer = await put({
      channel: { errorRate: 2, latencyMs: 5 },
      carrier: { latencyMs: -1 },
    });
    expect(answer.status).toBe(400);
    expect(await problem(answer)).toMatchObject({
      code: 'REQUEST.INVALID',
      errors: [
        { field: 'channel.errorRate', message: 'must be a number from 0 to 1' },
        { field: 'carrier.latencyMs', message: 'must be a whole number from 0 to 600000' },
      ],
    });
    expect(await (await third.get('/behaviour')).json()).toEqual(usual);
  });

  it('names every field of a bad charge', async () => {
    const answer = await third.post('/charges', { requestNo: 'a b', amountMinor: 0 });
    expect(answer.status).toBe(400);
    expect(await problem(answer)).toMatchObject({
      errors: ['requestNo', 'amountMinor', 'currency', 'callbackUrl'].map((field) => ({ field })),
    });
  });

  it('is ready with its database alone', async () => {
    const answer = await third.get('/health/ready');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: 'up', parts: { database: { status: 'up' } } });
  });

  it('describes its interface', () => {
    const description = describeApi(third.app, { name: 'third-party', summary: 'under test' });
    expect(Object.keys(description.paths)).toEqual([
      '/charges',
      '/charges/{requestNo}',
      '/charges/{requestNo}/void',
      '/refunds',
      '/shipments',
      '/shipments/{requestNo}',
      '/shipments/{requestNo}/cancel',
      '/behaviour',
      '/health/live',
      '/health/ready',
    ]);
  });

  it('never writes its secret or an amount into the log', () => {
    const text = JSON.stringify(third.lines());
    expect(text).toContain('callback taken');
    expect(text).not.toContain(CHANNEL_SECRET);
    expect(text).not.toContain('amountMinor');
    const failures = third.lines().filter(({ level }) => level === 'error');
    expect(
      new Set(failures.map(({ msg, status }) => `${msg as string} ${status as number}`)),
    ).toEqual(new Set(['request failed 500', 'request failed 503']));
  });

  it('stops at once, though answers are held back and charges are open', async () => {
    const other = await startService('third-party', {
      env: { ...env, CHANNEL_LATENCY_MS: String(LONG_MS), CHANNEL_LOST_ANSWER_RATE: '1' },
    });
    const requestNo = newNo();
    const asked = other.post('/charges', {
      requestNo,
      amountMinor: 1,
      currency: 'EUR',
      callbackUrl: receiver.url,
    });
    const broken = asked.then(
      () => 'answered',
      (error: Error) => error.message,
    );
    await until(() => other.lines().some(({ msg }) => msg === 'answer lost, as it was told to'), {
      what: 'the lost answer',
    });
    await within(other[Symbol.asyncDispose](), 'the end');
    expect(await broken).toBe('fetch failed');
  });
});

describe('killed with kill -9 and started again, the third party', () => {
  const main = resolve(import.meta.dirname, '../../../services/dist/third-party/main.js');

  it('settles what was open, sends callbacks nobody has taken, and forgets nothing', async () => {
    const schema = newSchema();
    const dead = newNo();
    const [open, untold] = [newNo(), newNo()];
    receiver.answer(untold, [503, 503, 503]);
    await using database = await createConnection(process.env['DATABASE_URL'] ?? '');
    const dueCount = async (): Promise<number> => {
      const [rows] = await database.query(
        `SELECT COUNT(*) AS count FROM ${schema}.channel_charges WHERE due_at IS NOT NULL`,
      );
      return Number((rows as [{ count: string }])[0].count);
    };
    {
      await using server = await TestProcess.start({
        args: [main],
        env: {
          NODE_OPTIONS: undefined,
          DATABASE_URL: process.env['DATABASE_URL'],
          DATABASE_SCHEMA: schema,
          PORT: '0',
          ...env,
          CHANNEL_CALLBACK_MIN_BACKOFF_MS: '1000',
          CHANNEL_CALLBACK_MAX_BACKOFF_MS: '1000',
        },
        ready: /"msg":"listening"/,
      });
      const send = async (method: string, path: string, body?: object): Promise<Response> => {
        const ports = [...(await server.stdout()).matchAll(/"port":(\d+).*?"msg":"listening"/g)];
        return fetch(`http://127.0.0.1:${ports.at(-1)![1]}${path}`, {
          method,
          ...(body && {
            body: JSON.stringify(body),
            headers: { 'content-type': 'application/json' },
          }),
        });
      };
      const ask = (requestNo: string): Promise<Response> =>
        send('POST', '/charges', {
          requestNo,
          amountMinor: 1_000,
          currency: 'EUR',
          callbackUrl: receiver.url,
        });
      await send('POST', `/charges/${dead}/void`);
      expect((await ask(untold)).status).toBe(202);
      await callbacks(untold, 1);
      await send('PUT', '/behaviour', { channel: { latencyMs: 3_000 } });
      expect((await ask(open)).status).toBe(202);
      await server.kill();
      expect(await dueCount()).toBe(2);
      expect(receiver.of(open)).toHaveLength(0);

      await server.restart();
      await until(async () => (await dueCount()) === 0, {
        what: 'the end of both charges',
        timeoutMs: 60_000,
      });
      expect(receiver.of(open)).toMatchObject([{ callback: { outcome: 'SUCCEEDED' } }]);
      // Four, and one more if the kill came between a sending and its note.
      expect(receiver.of(untold).length).toBeGreaterThanOrEqual(4);
      expect(receiver.of(untold).length).toBeLessThanOrEqual(5);
      expect((await ask(dead)).status).toBe(409);
      expect(await (await ask(open)).json()).toEqual({ requestNo: open, status: 'SUCCEEDED' });
      expect(await server.log()).not.toContain(CHANNEL_SECRET);
    }
    await dropSchema(schema);
  });
});
