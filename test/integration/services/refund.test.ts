import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import type {
  OrderPaidTooLate,
  OrderRefundRequested,
} from '../../../services/contracts/order-events.ts';
import {
  REFUND_EVENTS,
  RefundStep,
  type RefundStepDue,
} from '../../../services/contracts/refund-events.ts';
import type { RefundStepResult } from '../../../services/contracts/refund-step-results.ts';
import { AdvanceRefund } from '../../../services/refund/application/advance-refund.ts';
import { BeginRefund } from '../../../services/refund/application/begin-refund.ts';
import { paidTooLateEvent, refundRequestedEvent } from '../../services/order-event-samples.ts';
import { until } from '../../support/deadline.ts';
import { createShopTopics } from './shop-messages.ts';
import { dropSchema, newSchema, startService, type RunningService } from './shop.ts';

const ORDER_GROUP = 'refund-on-order-event';
const RESULT_GROUP = 'refund-on-step-result';
const steps = Object.values(RefundStep);

let broker: TestBroker;
let producer: Producer;
let refund: RunningService;
const schema = newSchema();

beforeAll(async () => {
  broker = await testBroker({ timeoutMs: 20_000 });
  await createShopTopics(broker, 2);
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  refund = await start();
}, 60_000);

afterAll(async () => {
  await refund[Symbol.asyncDispose]();
  await producer.shutdown();
  await broker.close();
  await dropSchema(schema);
});

const start = (): Promise<RunningService> =>
  startService('refund', {
    namesrvAddr: broker.namesrvAddr,
    schema,
    env: { MAX_RECONSUME_TIMES: '2' },
  });

const own = () => ({
  orderNo: `order-${randomUUID()}`,
  refundNo: `refund-${randomUUID()}`,
  eventId: randomUUID(),
});

const requested = (other: Partial<OrderRefundRequested> = {}): OrderRefundRequested => ({
  ...refundRequestedEvent,
  ...own(),
  ...other,
});

async function tell(topic: string, tags: string, keys: string, body: string): Promise<void> {
  await producer.send({ topic, tags, keys, shardingKey: keys, body });
}

const tellOrder = (event: OrderRefundRequested | OrderPaidTooLate): Promise<void> =>
  tell('ORDER_EVENTS', event.type, event.orderNo, JSON.stringify(event));

type Told = Pick<OrderRefundRequested, 'orderNo' | 'refundNo'>;

const resultOf = (
  { orderNo, refundNo }: Told,
  step: RefundStep,
  other: Partial<RefundStepResult> = {},
): RefundStepResult => ({
  type: 'Done',
  eventId: randomUUID(),
  refundNo,
  orderNo,
  step,
  note: `${step} by the test`,
  occurredAt: new Date().toISOString(),
  ...other,
});

async function tellResult(
  told: Told,
  step: RefundStep,
  other: Partial<RefundStepResult> = {},
): Promise<RefundStepResult> {
  const result = resultOf(told, step, other);
  await tell('REFUND_STEP_RESULTS', result.type, told.orderNo, JSON.stringify(result));
  return result;
}

async function eventsOf(orderNo: string): Promise<(RefundStepDue & { tag: string | undefined })[]> {
  const messages = await broker.messages(REFUND_EVENTS);
  return messages
    .filter(({ keys }) => keys.includes(orderNo))
    .map((message) => ({ ...(JSON.parse(message.text()) as RefundStepDue), tag: message.tags }));
}

const tagsOf = async (orderNo: string): Promise<unknown[]> =>
  (await eventsOf(orderNo)).map(({ tag }) => tag);

const asked = (orderNo: string, ...tags: string[]): Promise<unknown> =>
  until(async () => (await tagsOf(orderNo)).join() === tags.join(), {
    what: `${orderNo} at ${tags.join()}`,
  });

interface View {
  refundNo: string;
  status: string;
  steps: { name: string; status: string; tryCount: number; note: string }[];
  completedAt?: string;
}

async function find(refundNo: string): Promise<View> {
  return (await (await refund.get(`/refunds/${refundNo}`)).json()) as View;
}

const is = (refundNo: string, status: string): Promise<unknown> =>
  until(async () => (await find(refundNo)).status === status, { what: `${refundNo} ${status}` });

const retry = (refundNo: string): Promise<Response> => refund.post(`/refunds/${refundNo}/retry`);

const logged = (orderNo: string, text: string, count = 1): Promise<unknown> =>
  until(() => refund.logged(orderNo, text) >= count, { what: `${count} × "${text}"` });

async function begun(other: Partial<OrderRefundRequested> = {}): Promise<OrderRefundRequested> {
  const event = requested(other);
  await tellOrder(event);
  await asked(event.orderNo, 'ReturnGoods');
  return event;
}

async function stuck(): Promise<OrderRefundRequested> {
  const event = await begun();
  await tellResult(event, 'ReturnGoods', { type: 'Failed', note: 'the carrier is on strike' });
  await is(event.refundNo, 'STUCK');
  return event;
}

const deadLetter = (group: string, orderNo: string) =>
  until(async () => (await broker.dlq(group)).find(({ keys }) => keys.includes(orderNo)), {
    what: `the dead letter of ${orderNo}`,
  });

describe('a refund', () => {
  it('is done step by step, one message a step and in order, and completed at the end', async () => {
    const event = requested();
    await tellOrder(event);
    const expected: string[] = [];
    for (const step of steps) {
      expected.push(step);
      await asked(event.orderNo, ...expected);
      expect((await find(event.refundNo)).status).toBe('RUNNING');
      await tellResult(event, step);
    }
    await asked(event.orderNo, ...steps, 'Completed');
    expect(await find(event.refundNo)).toEqual({
      refundNo: event.refundNo,
      orderNo: event.orderNo,
      reason: 'CUSTOMER',
      status: 'COMPLETED',
      refundMinor: 690,
      currency: 'EUR',
      items: [{ sku: 'TEA-GREEN-100', quantity: 1 }],
      steps: steps.map((name) => ({
        name,
        status: 'DONE',
        tryCount: 1,
        note: `${name} by the test`,
      })),
      requestedAt: event.occurredAt,
      completedAt: expect.stringMatching(/Z$/),
    });
    const sent = await eventsOf(event.orderNo);
    expect(sent[0]).toMatchObject({
      type: 'ReturnGoods',
      refundNo: event.refundNo,
      userId: event.userId,
      paymentNo: event.paymentNo,
      refundMinor: 690,
      orderTotalMinor: 1_380,
      items: event.items,
      isWhole: false,
    });
    expect(new Set(sent.map(({ eventId }) => eventId)).size).toBe(6);
  });

  it('of money that came too late is the money alone', async () => {
    const event = { ...paidTooLateEvent, ...own(), refundMinor: 1_380 };
    await tellOrder(event);
    await asked(event.orderNo, 'ReturnMoney');
    await tellResult(event, 'ReturnMoney');
    await asked(event.orderNo, 'ReturnMoney', 'Completed');
    expect(await find(event.refundNo)).toMatchObject({
      reason: 'LATE_PAYMENT',
      items: [],
      steps: [{ name: 'ReturnMoney', status: 'DONE' }],
    });
  });

  it('begins once, though its event comes again, and under another eventId', async () => {
    const event = await begun();
    await tellOrder(event);
    await logged(event.orderNo, 'duplicate event acknowledged');
    await tellOrder({ ...event, eventId: randomUUID() });
    await logged(event.orderNo, 'event handled', 2);
    expect(await tagsOf(event.orderNo)).toEqual(['ReturnGoods']);
    expect(await refund.count('refund_steps', `refund_no = '${event.refundNo}'`)).toBe(5);
  });

  it('keeps 100 items with the longest skus, the largest amount, and any name', async () => {
    const items = Array.from({ length: 100 }, (_, index) => ({
      sku: `${index}-`.padEnd(128, '茶'),
      quantity: 999,
    }));
    const amount = Number.MAX_SAFE_INTEGER;
    const userId = '🫖'.repeat(64);
    const event = await begun({ items, userId, refundMinor: amount, totalMinor: amount });
    const [sent] = await eventsOf(event.orderNo);
    expect(sent).toMatchObject({ items, userId, refundMinor: amount, orderTotalMinor: amount });
    expect(await find(event.refundNo)).toMatchObject({ items, refundMinor: amount });
  });

  it('of nothing has its steps done all the same', async () => {
    const event = await begun({ refundMinor: 0, totalMinor: 0 });
    for (const [index, step] of steps.entries()) {
      await asked(event.orderNo, ...steps.slice(0, index + 1));
      await tellResult(event, step);
    }
    await is(event.refundNo, 'COMPLETED');
  });
});

describe('the result of a step', () => {
  it('told twice, and under another eventId, moves the refund on once', async () => {
    const event = await begun();
    const result = await tellResult(event, 'ReturnGoods');
    await asked(event.orderNo, 'ReturnGoods', 'Restock');
    await tellResult(event, 'ReturnGoods', { eventId: result.eventId });
    await logged(event.orderNo, 'duplicate event acknowledged');
    await tellResult(event, 'ReturnGoods');
    await tellResult(event, 'ReturnGoods', { type: 'Failed' });
    await logged(event.orderNo, 'overtaken event acknowledged', 2);
    expect(
      refund.logged(event.orderNo, 'a refund is stuck until a person has it tried again'),
    ).toBe(0);
    expect(await tagsOf(event.orderNo)).toEqual(['ReturnGoods', 'Restock']);
    expect((await find(event.refundNo)).status).toBe('RUNNING');
  });

  it('told twenty times at once moves the refund on once', async () => {
    const event = await begun();
    const advance = refund.app.get(AdvanceRefund);
    await Promise.all(
      Array.from({ length: 20 }, () => {
        const result = resultOf(event, 'ReturnGoods');
        const { eventId } = result;
        return advance.byResult(result, { consumerGroup: RESULT_GROUP, eventId, messageId: 'M' });
      }),
    );
    await asked(event.orderNo, 'ReturnGoods', 'Restock');
    expect(await refund.count('outbox_messages', `message_key = '${event.orderNo}'`)).toBe(2);
  });

  it.each<[string, (event: OrderRefundRequested) => Promise<unknown>, RegExp]>([
    [
      'that nobody has asked for',
      (event) => tellResult(event, 'ReturnMoney'),
      /^REFUND\.STEP_NOT_DUE: step ReturnMoney of refund .* is WAITING, nobody has asked for it$/,
    ],
    [
      'of a step there is not',
      (event) => tellResult(event, 'Restok' as RefundStep),
      /^MESSAGE\.POISON: step is "Restok", it must be/,
    ],
    [
      'of a refund of another order',
      ({ orderNo }) => begun().then((other) => tellResult({ ...other, orderNo }, 'ReturnGoods')),
      /^REFUND\.OF_ANOTHER_ORDER: refund .* is of order .*, this result is of order /,
    ],
    [
      'without a note',
      (event) => tellResult(event, 'ReturnGoods', { note: '' }),
      /^MESSAGE\.POISON: note is not a text$/,
    ],
    [
      'that is not JSON',
      ({ orderNo }) => tell('REFUND_STEP_RESULTS', 'Done', orderNo, '{"refundNo":'),
      /^MESSAGE\.POISON: the body is not JSON$/,
    ],
  ])(
    '%s is a dead letter with its reason at once, and the refund goes on',
    async (_what, send, reason) => {
      const event = await begun();
      await send(event);
      const letter = await deadLetter(RESULT_GROUP, event.orderNo);
      expect(letter.properties.get('DLQ_REASON')).toMatch(reason);
      await logged(event.orderNo, 'dead letter parked, it stays in the DLQ');
      await tellResult(event, 'ReturnGoods');
      await asked(event.orderNo, 'ReturnGoods', 'Restock');
    },
  );

  it('of a step that money alone does not have is a dead letter with its reason', async () => {
    const event = { ...paidTooLateEvent, ...own() };
    await tellOrder(event);
    await asked(event.orderNo, 'ReturnMoney');
    await tellResult(event, 'Restock');
    const letter = await deadLetter(RESULT_GROUP, event.orderNo);
    expect(letter.properties.get('DLQ_REASON')).toBe(
      `REFUND.STEP_UNKNOWN: refund ${event.refundNo} has no step Restock, it has ReturnMoney`,
    );
  });

  it('of a refund there is not is retried, then a dead letter, and parked after ten tries', async () => {
    const event = requested();
    await tellResult(event, 'ReturnGoods');
    await broker.drain(RESULT_GROUP, 'REFUND_STEP_RESULTS');
    expect(refund.logged(event.orderNo, 'event not handled, to be retried')).toBe(2);
    const letter = await deadLetter(RESULT_GROUP, event.orderNo);
    expect(letter.properties.get('DLQ_REASON')).toBe(
      `REFUND.NOT_FOUND: there is no refund ${event.refundNo}`,
    );
    await broker.drain(`${RESULT_GROUP}-dlq`, `%DLQ%${RESULT_GROUP}`);
    await logged(event.orderNo, 'dead letter parked, it stays in the DLQ');
    const again = refund.logged(event.orderNo, 'dead letter not delivered, to be tried again');
    expect(again).toBe(10);
  }, 60_000);
});

describe('an order event', () => {
  it.each<[string, (event: OrderRefundRequested) => unknown, RegExp]>([
    ['that is no object', () => [1], /^MESSAGE\.POISON: body is not an object$/],
    [
      'over 2^53',
      (event) => ({ ...event, refundMinor: 2 ** 53 }),
      /refundMinor is not an integer ≥ 0$/,
    ],
    ['without items', (event) => ({ ...event, items: [] }), /items is not a filled list$/],
    [
      'of another type',
      (event) => ({ ...event, type: 'Closed' }),
      /type is Closed, it must be RefundRequested or PaidTooLate$/,
    ],
    [
      'about more than the order came to',
      (event) => ({ ...event, refundMinor: 1_381 }),
      /^REFUND\.EXCEEDS_TOTAL: refund .* is over 1381, its order came to 1380$/,
    ],
    [
      'of a year no calendar has',
      (event) => ({ ...event, occurredAt: '+275760-09-13T00:00:00.000Z' }),
      /^MESSAGE\.POISON: occurredAt is not a time$/,
    ],
  ])(
    '%s is a dead letter with its reason at once, and the next refund begins',
    async (_what, change, reason) => {
      const event = requested();
      await tell('ORDER_EVENTS', 'RefundRequested', event.orderNo, JSON.stringify(change(event)));
      await begun();
      const letter = await deadLetter(ORDER_GROUP, event.orderNo);
      expect(letter.properties.get('DLQ_REASON')).toMatch(reason);
      expect(await refund.count('refunds', `refund_no = '${event.refundNo}'`)).toBe(0);
    },
  );
});

describe('a refund whose step has failed', () => {
  it('is stuck, listed, counted, tried again under a new eventId, and goes on', async () => {
    const event = await stuck();
    expect(
      refund.logged(event.orderNo, 'a refund is stuck until a person has it tried again'),
    ).toBe(1);
    const list = (await (await refund.get('/refunds?status=STUCK')).json()) as { items: View[] };
    const listed = list.items.find(({ refundNo }) => refundNo === event.refundNo);
    expect(listed?.steps[0]).toEqual({
      name: 'ReturnGoods',
      status: 'FAILED',
      tryCount: 1,
      note: 'the carrier is on strike',
    });
    const metrics = await (await refund.get('/metrics')).text();
    expect(metrics).toContain(`millrace_refunds_stuck{service="refund"} ${list.items.length}`);

    const answer = await retry(event.refundNo);
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({
      status: 'RUNNING',
      steps: expect.arrayContaining([expect.objectContaining({ status: 'DUE', tryCount: 2 })]),
    });
    await asked(event.orderNo, 'ReturnGoods', 'ReturnGoods');
    const [first, second] = await eventsOf(event.orderNo);
    expect(second).toEqual({
      ...first,
      eventId: expect.not.stringMatching(first!.eventId),
      occurredAt: expect.any(String),
    });
    await tellResult(event, 'ReturnGoods');
    await asked(event.orderNo, 'ReturnGoods', 'ReturnGoods', 'Restock');
  });

  it('goes on by itself when the step was done after all, also while it is tried again', async () => {
    const event = await stuck();
    await tellResult(event, 'ReturnGoods');
    await asked(event.orderNo, 'ReturnGoods', 'Restock');
    await tellResult(event, 'Restock', { type: 'Failed' });
    await is(event.refundNo, 'STUCK');
    expect((await retry(event.refundNo)).status).toBe(202);
    await tellResult(event, 'Restock');
    await tellResult(event, 'Restock');
    await asked(event.orderNo, 'ReturnGoods', 'Restock', 'Restock', 'DeductPoints');
    await logged(event.orderNo, 'overtaken event acknowledged');
    expect(await find(event.refundNo)).toMatchObject({ status: 'RUNNING' });
  });

  it('is tried again once by two who want it at once; the other is told its state', async () => {
    const event = await stuck();
    const answers = await Promise.all([retry(event.refundNo), retry(event.refundNo)]);
    const [won, lost] = answers.toSorted((a, b) => a.status - b.status);
    expect([won?.status, lost?.status]).toEqual([202, 409]);
    expect(await lost?.json()).toMatchObject({
      code: 'REFUND.NOT_STUCK',
      detail: `refund ${event.refundNo} is RUNNING, only one that is STUCK can be tried again`,
    });
    await asked(event.orderNo, 'ReturnGoods', 'ReturnGoods');
  });

  it('asks again when the broker is back, though it was killed before the message was sent', async () => {
    const event = await stuck();
    await broker.kill();
    expect((await retry(event.refundNo)).status).toBe(202);
    expect(
      await refund.count('outbox_messages', `message_key = '${event.orderNo}' AND sent_at IS NULL`),
    ).toBe(1);
    await broker.restart();
    await asked(event.orderNo, 'ReturnGoods', 'ReturnGoods');
  });
});

describe('the broker killed between a refund’s row and its message', () => {
  it('takes nothing away: the message is a row beside it, sent when the broker is back', async () => {
    const event = requested();
    await broker.kill();
    const incoming = { consumerGroup: ORDER_GROUP, eventId: event.eventId, messageId: 'M' };
    expect(await refund.app.get(BeginRefund).execute(event, incoming)).toBe('handled');
    expect((await find(event.refundNo)).steps[0]).toMatchObject({ status: 'DUE', tryCount: 1 });
    await broker.restart();
    await asked(event.orderNo, 'ReturnGoods');
  });
});

describe('questions', () => {
  it.each([
    [
      '/refunds',
      'orderNo',
      'is missing: name an order, or a status (RUNNING, STUCK, COMPLETED), or both',
    ],
    ['/refunds?status=stuck', 'status', 'must be one of RUNNING, STUCK, COMPLETED'],
    ['/refunds?orderNo=%C3%BC', 'orderNo', 'must be an order number'],
    ['/refunds?orderNo=', 'orderNo', 'must be an order number'],
    ['/refunds?orderNo=1&limit=5', 'limit', 'should not exist'],
  ])('%s is refused, field by field', async (path, field, message) => {
    const answer = await refund.get(path);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: 'REQUEST.INVALID',
      errors: [{ field, message }],
    });
  });

  it.each(['R-0', 'f%C3%BCr', '%F0%9F%AB%96', 'x'.repeat(65), 'R%201'])(
    'after refund %s, which there is not, are answered 404',
    async (refundNo) => {
      expect((await refund.get(`/refunds/${refundNo}`)).status).toBe(404);
      const answer = await retry(refundNo);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ code: 'REFUND.NOT_FOUND' });
    },
  );

  it('after the refunds of an order list those, and none of an order that has none', async () => {
    const event = await begun();
    const later = {
      ...requested(),
      orderNo: event.orderNo,
      occurredAt: '2026-11-21T12:00:00.000Z',
    };
    await tellOrder(later);
    await asked(event.orderNo, 'ReturnGoods', 'ReturnGoods');
    const listOf = async (query: string): Promise<string[]> => {
      const { items } = (await (await refund.get(`/refunds?${query}`)).json()) as { items: View[] };
      return items.map(({ refundNo }) => refundNo);
    };
    expect(await listOf(`orderNo=${event.orderNo}`)).toEqual([event.refundNo, later.refundNo]);
    expect(await listOf(`orderNo=${event.orderNo}&status=RUNNING`)).toHaveLength(2);
    expect(await listOf(`orderNo=${event.orderNo}&status=STUCK`)).toEqual([]);
    expect(await listOf('orderNo=unknown')).toEqual([]);
  });
});

describe('two processes', () => {
  it('have each step done once, whoever hears of it', async () => {
    await using second = await start();
    const both = [refund, second];
    const events = Array.from({ length: 10 }, () => requested());
    await Promise.all(
      events.flatMap((event) =>
        both.map((service) => {
          const incoming = { consumerGroup: ORDER_GROUP, eventId: event.eventId, messageId: 'M' };
          return service.app.get(BeginRefund).execute(event, incoming);
        }),
      ),
    );
    await Promise.all(
      events.map(async (event) => {
        for (const step of steps) {
          // The same result by two deliveries, one at each, and told once more under another eventId.
          const result = resultOf(event, step);
          const copies = [result, result, { ...result, eventId: randomUUID() }];
          await Promise.all(
            copies.map((copy, index) =>
              both[index % 2]!.app.get(AdvanceRefund).byResult(copy, {
                consumerGroup: RESULT_GROUP,
                eventId: copy.eventId,
                messageId: 'M',
              }),
            ),
          );
        }
      }),
    );
    for (const { orderNo, refundNo } of events) {
      await asked(orderNo, ...steps, 'Completed');
      expect((await find(refundNo)).status).toBe('COMPLETED');
    }
  }, 60_000);
});
