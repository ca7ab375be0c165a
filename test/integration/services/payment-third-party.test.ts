import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PaymentWorld, returnMoney, SECRET } from './payment-world.ts';
import { startService, type RunningService } from './shop.ts';

/** Nobody knows a port before it is listened on, and each of the two must know the other's. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

let thirdParty: RunningService;
let world: PaymentWorld;

beforeAll(async () => {
  thirdParty = await startService('third-party', {
    env: { CHANNEL_SECRET: SECRET, CHANNEL_LATENCY_MS: '20' },
  });
  const port = await freePort();
  world = await PaymentWorld.start({
    port,
    env: {
      THIRD_PARTY_URL: thirdParty.url,
      CALLBACK_URL: `http://127.0.0.1:${port}/channel-callbacks`,
      MAX_RECONSUME_TIMES: '3',
    },
  });
});

const behave = async (channel: Record<string, number>): Promise<void> => {
  const answer = await fetch(`${thirdParty.url}/behaviour`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ channel }),
  });
  expect(answer.status).toBe(200);
};

afterEach(() =>
  behave({ declineRate: 0, lostCallbackRate: 0, duplicateCallbackRate: 0, failNextRefunds: 0 }),
);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await thirdParty[Symbol.asyncDispose]();
});

describe('with the third party that the shop is run with', () => {
  it('a payment is charged, called back, and given back', async () => {
    await behave({ duplicateCallbackRate: 1 });
    const payment = await world.requested();
    const paid = await world.becomes(payment.paymentNo, 'SUCCEEDED');
    expect(paid.chargeNo).toMatch(/^CH-/);
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', 'Succeeded']);
    await behave({ failNextRefunds: 1 });
    const due = returnMoney(payment);
    await world.send('REFUND_EVENTS', due);
    await world.logged(payment.orderNo, 'event not handled, to be retried');
    await world.broker.drain('payment-on-return-money-due', 'REFUND_EVENTS');
    expect(await world.results(due.refundNo, 1)).toMatchObject([{ type: 'Done' }]);
    const charge = await thirdParty.get(`/charges/${payment.paymentNo}`);
    expect(await charge.json()).toMatchObject({ refundedMinor: payment.amountMinor });
  });

  it('a declined payment fails', async () => {
    await behave({ declineRate: 1 });
    const payment = await world.requested();
    await world.becomes(payment.paymentNo, 'FAILED');
    expect(await world.announced(payment.orderNo)).toEqual(['Requested', 'Failed']);
  });

  it('a lost callback is made good by asking', async () => {
    await behave({ lostCallbackRate: 1 });
    const payment = await world.requested();
    await world.logged(payment.orderNo, 'event handled');
    await world.broker.clock.advance('10s');
    await world.broker.drain('payment-query', 'PAYMENT_QUERY');
    expect(await world.find(payment.paymentNo)).toMatchObject({ status: 'SUCCEEDED' });
  });
});
