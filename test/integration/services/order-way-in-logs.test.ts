import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { freePort } from '../../../infra/free-port.ts';
import { until } from '../../support/deadline.ts';
import { createShopTopics } from './shop-messages.ts';
import { startService, type RunningService } from './shop.ts';

const names = [
  'stock',
  'coupon',
  'payment',
  'points',
  'warehouse',
  'refund',
  'push',
  'third-party',
  'order',
] as const;

const running = new Map<string, RunningService>();
let broker: TestBroker;

beforeAll(async () => {
  broker = await testBroker({ timeoutMs: 60_000 });
  await createShopTopics(broker, 2);
  const ports = new Map<string, number>();
  for (const name of names) ports.set(name, await freePort());
  const urls = Object.fromEntries(
    names.map((name) => [
      `${name.toUpperCase().replaceAll('-', '_')}_URL`,
      `http://127.0.0.1:${ports.get(name)}`,
    ]),
  );
  const env = {
    ...urls,
    CALLBACK_URL: `http://127.0.0.1:${ports.get('payment')}/channel-callbacks`,
    CHANNEL_SECRET: 'only this test knows it',
    CHANNEL_LATENCY_MS: '1',
    CARRIER_LATENCY_MS: '1',
    PACKING_MS: '1000',
  };
  for (const name of names) {
    const options = { namesrvAddr: broker.namesrvAddr, port: ports.get(name)!, env };
    running.set(name, await startService(name, options));
  }
}, 180_000);

afterAll(async () => {
  for (const service of [...running.values()].toReversed()) await service[Symbol.asyncDispose]();
  await broker?.close();
}, 120_000);

/** What `grep -h ORDER_NO logs/*` finds, in the order of time. */
function grep(orderNo: string): Record<string, unknown>[] {
  return [...running]
    .flatMap(([service, { lines }]) =>
      lines().map((line): Record<string, unknown> => ({ ...line, service })),
    )
    .filter((line) => JSON.stringify(line).includes(orderNo))
    .toSorted((left, right) => String(left['time']).localeCompare(String(right['time'])));
}

const stepOf = ({ service, msg, ...line }: Record<string, unknown>): string =>
  [service, msg, line['group'] ?? line['route'], line['tag']].filter(Boolean).join(' ');

const stepsOf = (orderNo: string): string[] => grep(orderNo).map(stepOf);

async function post(service: string, path: string, body: unknown): Promise<unknown> {
  const headers = { 'Idempotency-Key': randomUUID() };
  const answer = await running.get(service)!.post(path, body, headers);
  expect([path, answer.ok]).toEqual([path, true]);
  return answer.json();
}

describe('an order that is paid, shipped and refunded', () => {
  it('is found by its number in the log of every service, step by step, each message by its id', async () => {
    const { orderNo } = (await post('order', '/orders', {
      userId: 'user-1',
      items: [{ sku: 'POT-GLASS', quantity: 1 }],
    })) as { orderNo: string };
    await post('payment', '/payments', { orderNo });
    const seen = (step: string): Promise<unknown> =>
      until(() => stepsOf(orderNo).includes(step), {
        what: `"${step}" of ${orderNo}, after ${stepsOf(orderNo).join('\n')}`,
        timeoutMs: 60_000,
      });
    await seen('order event handled order-on-shipped Shipped');
    await seen('coupon event handled coupon-on-order-paid Paid');
    await seen('points event handled points-on-order-paid Paid');
    await post('order', `/orders/${orderNo}/refunds`, {});
    const shipments = (await (
      await running.get('warehouse')!.get(`/shipments?orderNo=${orderNo}`)
    ).json()) as { items: { shipmentNo: string }[] };
    await seen('warehouse event handled warehouse-on-return-goods-due ReturnGoods');
    const refunds = (await (
      await running.get('refund')!.get(`/refunds?orderNo=${orderNo}`)
    ).json()) as { items: { refundNo: string }[] };
    const { shipmentNo } = shipments.items[0]!;
    const { refundNo } = refunds.items[0]!;
    await post('warehouse', `/shipments/${shipmentNo}/return-receipts`, { refundNo });
    await seen('order event handled order-on-refund-completed Completed');

    const steps = stepsOf(orderNo);
    const wanted = [
      'stock request answered /reservations',
      'order message decided Created',
      'order request answered /orders',
      'payment message decided Requested',
      'payment event handled payment-charge Requested',
      'payment message decided Succeeded',
      'payment callback taken',
      'order event handled order-on-payment-succeeded Succeeded',
      'order message decided Paid',
      'stock event handled stock-on-order-event Paid',
      'warehouse event handled warehouse-on-order-paid Paid',
      'push event handled push-on-order-event Paid',
      'third-party request answered /shipments',
      'warehouse message decided Shipped',
      'order message decided RefundRequested',
      'refund event handled refund-on-order-event RefundRequested',
      'refund message sent ReturnGoods',
      'stock event handled stock-on-restock-due Restock',
      'points event handled points-on-deduct-due DeductPoints',
      'coupon event handled coupon-on-recall-due RecallCoupon',
      'payment event handled payment-on-return-money-due ReturnMoney',
      'refund message sent Completed',
    ];
    expect(wanted.filter((step) => !steps.includes(step))).toEqual([]);
    const ofMessages = grep(orderNo).filter(({ msg }) => /^(message|event)/.test(String(msg)));
    expect(ofMessages.filter(({ messageId }) => messageId === undefined)).toEqual([]);
    // What one service sent, another handled: by the same id.
    const idOf = (step: string): unknown =>
      grep(orderNo).find((line) => stepOf(line) === step)?.['messageId'];
    expect(idOf('points event handled points-on-order-paid Paid')).toBe(
      idOf('order message decided Paid'),
    );
  }, 180_000);
});
