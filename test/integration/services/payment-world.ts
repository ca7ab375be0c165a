import { randomUUID } from 'node:crypto';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { newDocumentNo } from '../../../services/common/document-number.ts';
import {
  signCallback,
  type ChannelCallback,
} from '../../../services/contracts/channel-callback.ts';
import type { PaymentQuery } from '../../../services/contracts/payment-query.ts';
import type { RefundStepDue } from '../../../services/contracts/refund-events.ts';
import { until } from '../../support/deadline.ts';
import { FakePeer, refusal, type Asked, type PeerAnswer } from './fake-peer.ts';
import { undecidedCount } from './half-messages.ts';
import { startService, type RunningService } from './shop.ts';

export const SECRET = 'a secret of the channel';
export const AMOUNT = 1_380;

/** What the channel is asked, as `FakePeer` names routes. */
export const Route = {
  charge: 'POST /charges',
  find: 'GET /charges/:orderNo',
  forget: 'POST /charges/:orderNo/void',
  refund: 'POST /refunds',
} as const;

/** A channel that takes every charge, settles none by itself, and gives back whatever it is asked for. */
export function wellBehaved({ path, body }: Asked): PeerAnswer {
  const { requestNo, refundNo } = (body ?? {}) as Record<string, unknown>;
  if (path === '/charges') return { status: 202, body: { requestNo, status: 'PROCESSING' } };
  if (path === '/refunds') return { status: 200, body: { refundNo, status: 'SUCCEEDED' } };
  if (path.endsWith('/void')) return { status: 200, body: { status: 'VOIDED' } };
  return { status: 200, body: chargeOf(path.split('/')[2]!, 'PROCESSING') };
}

export function chargeOf(requestNo: string, status: string, amountMinor = AMOUNT): object {
  return {
    requestNo,
    chargeNo: `CH-${requestNo}`,
    status,
    amountMinor,
    refundedMinor: 0,
    currency: 'EUR',
    ...(status === 'PROCESSING' ? {} : { settledAt: '2026-11-20T10:00:00.000Z' }),
  };
}

export interface PaymentAnswer {
  paymentNo: string;
  orderNo: string;
  status: string;
  amountMinor: number;
  refundedMinor: number;
  chargeNo?: string;
  settledAt?: string;
  failure?: string;
}

export interface WorldOptions {
  /** For a channel that must be told beforehand where to call. */
  port?: number;
  env?: Record<string, string>;
}

/** The payment service with a broker, an order service and a channel that a test plays. */
export class PaymentWorld implements AsyncDisposable {
  readonly broker: TestBroker;
  readonly producer: Producer;
  readonly orders: FakePeer;
  readonly channel: FakePeer;
  readonly payment: RunningService;
  /** What the order service says about each order. */
  readonly orderStatus = new Map<string, string>();

  static async start({ port, env = {} }: WorldOptions = {}): Promise<PaymentWorld> {
    const broker = await testBroker();
    for (const topic of ['PAYMENT_EVENTS', 'PAYMENT_QUERY', 'REFUND_EVENTS', 'REFUND_STEP_RESULTS'])
      await broker.createTopic(topic);
    const producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
    const orders = await FakePeer.start();
    const channel = await FakePeer.start();
    const payment = await startService('payment', {
      ...(port === undefined ? {} : { port }),
      namesrvAddr: broker.namesrvAddr,
      env: {
        ORDER_URL: orders.url,
        THIRD_PARTY_URL: channel.url,
        THIRD_PARTY_TIMEOUT_MS: '1000',
        CALLBACK_URL: 'http://payment.test/channel-callbacks',
        CHANNEL_SECRET: SECRET,
        OUTBOX_POLL_MS: '100',
        OUTBOX_MAX_BACKOFF_MS: '100',
        ...env,
      },
    });
    return new PaymentWorld({ broker, producer, orders, channel, payment });
  }

  private constructor(
    parts: Pick<PaymentWorld, 'broker' | 'producer' | 'orders' | 'channel' | 'payment'>,
  ) {
    this.broker = parts.broker;
    this.producer = parts.producer;
    this.orders = parts.orders;
    this.channel = parts.channel;
    this.payment = parts.payment;
    this.reset();
  }

  /** Lets the peers behave again. */
  reset(): void {
    this.broker.faults.endAll();
    this.payment.moveClock(0);
    for (const route of Object.values(Route)) this.channel.answer(route, wellBehaved);
    this.orders.answer('GET /orders/:orderNo', ({ path }) => {
      const orderNo = path.split('/')[2]!;
      const status = this.orderStatus.get(orderNo);
      return status === undefined
        ? refusal(404, 'ORDER.NOT_FOUND')
        : { status: 200, body: { orderNo, status, totalMinor: AMOUNT, currency: 'EUR' } };
    });
  }

  /** What the channel was asked about one payment or refund. */
  asked(route: string, no: string): Asked[] {
    return this.channel
      .asked(route)
      .filter(({ path, body }) => path.includes(no) || JSON.stringify(body ?? {}).includes(no));
  }

  newOrder(status = 'PENDING'): string {
    const orderNo = newDocumentNo(new Date());
    this.orderStatus.set(orderNo, status);
    return orderNo;
  }

  pay(orderNo: string, key: string = randomUUID()): Promise<Response> {
    return this.payment.post('/payments', { orderNo }, { 'Idempotency-Key': key });
  }

  /** A payment of a new order that has come to the channel, or waits on its way there. */
  async requested(): Promise<PaymentAnswer> {
    const answer = await this.pay(this.newOrder());
    if (answer.status !== 202) throw new Error(`paying was answered ${answer.status}`);
    return (await answer.json()) as PaymentAnswer;
  }

  async succeeded(): Promise<PaymentAnswer> {
    const payment = await this.requested();
    const answer = await this.call(callbackOf(payment));
    if (answer.status !== 200) throw new Error(`the callback was answered ${answer.status}`);
    return this.find(payment.paymentNo);
  }

  async find(paymentNo: string): Promise<PaymentAnswer> {
    return (await (await this.payment.get(`/payments/${paymentNo}`)).json()) as PaymentAnswer;
  }

  async becomes(paymentNo: string, status: string): Promise<PaymentAnswer> {
    await until(async () => (await this.find(paymentNo)).status === status, {
      what: `payment ${paymentNo} ${status}`,
    });
    return this.find(paymentNo);
  }

  /** Sends a callback as the channel does, or as somebody who is not the channel. */
  call(
    callback: ChannelCallback,
    how: { secret?: string; agoMs?: number; tamper?: (rawBody: string) => string } = {},
  ): Promise<Response> {
    const { secret = SECRET, agoMs = 0, tamper = (rawBody: string) => rawBody } = how;
    const rawBody = JSON.stringify(callback);
    const timestampMs = Date.now() - agoMs;
    return fetch(`${this.payment.url}/channel-callbacks`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'X-Channel-Timestamp': String(timestampMs),
        'X-Channel-Signature': signCallback(secret, timestampMs, rawBody),
      },
      body: tamper(rawBody),
    });
  }

  /** The tags of all that others get to see of an order's payments, once no half message waits for its end any more. */
  async announced(orderNo: string): Promise<(string | undefined)[]> {
    await until(async () => (await undecidedCount(this.broker)) === 0, {
      what: 'the end of every half message',
    });
    await until(
      async () => (await this.payment.count('outbox_messages', 'sent_at IS NULL')) === 0,
      {
        what: 'an empty outbox',
      },
    );
    const messages = await this.broker.messages('PAYMENT_EVENTS');
    return messages.filter(({ keys }) => keys.includes(orderNo)).map(({ tags }) => tags);
  }

  /** The answers to a refund's step, in their order. */
  async results(refundNo: string, atLeast = 0): Promise<{ type: string; note: string }[]> {
    return until(async () => {
      const messages = await this.broker.messages('REFUND_STEP_RESULTS');
      const results = messages
        .map(
          (message) => JSON.parse(message.text()) as Record<'refundNo' | 'type' | 'note', string>,
        )
        .filter((result) => result.refundNo === refundNo);
      return results.length >= atLeast ? results : undefined;
    });
  }

  async send(topic: string, event: { type: string; orderNo: string }): Promise<void> {
    await this.producer.send({
      topic,
      tags: event.type,
      keys: event.orderNo,
      body: JSON.stringify(event),
    });
  }

  query({ orderNo, paymentNo }: PaymentAnswer): Promise<void> {
    const query: PaymentQuery = {
      type: 'Query',
      eventId: randomUUID(),
      orderNo,
      paymentNo,
      transactionKey: randomUUID(),
    };
    return this.send('PAYMENT_QUERY', query);
  }

  async logged(orderNo: string, text: string, count = 1): Promise<void> {
    await until(() => this.payment.logged(orderNo, text) >= count, {
      what: `${count} × "${text}" of ${orderNo}`,
    });
  }

  async metric(line: RegExp): Promise<number> {
    const text = await (await this.payment.get('/metrics')).text();
    const found = text.split('\n').find((each) => line.test(each));
    return Number(found?.split(' ').at(-1) ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.payment[Symbol.asyncDispose]();
    await this.producer.shutdown();
    await this.broker.close();
    await this.orders[Symbol.asyncDispose]();
    await this.channel[Symbol.asyncDispose]();
  }
}

export function callbackOf(
  { paymentNo }: { paymentNo: string },
  change: Partial<ChannelCallback> = {},
): ChannelCallback {
  return {
    nonce: randomUUID(),
    requestNo: paymentNo,
    chargeNo: `CH-${paymentNo}`,
    outcome: 'SUCCEEDED',
    amountMinor: AMOUNT,
    currency: 'EUR',
    settledAt: '2026-11-20T10:00:00.000Z',
    ...change,
  };
}

export function returnMoney(
  { paymentNo, orderNo }: { paymentNo: string; orderNo: string },
  change: Partial<RefundStepDue> = {},
): RefundStepDue {
  return {
    type: 'ReturnMoney',
    eventId: randomUUID(),
    refundNo: newDocumentNo(new Date()),
    orderNo,
    userId: 'user-1',
    paymentNo,
    refundMinor: AMOUNT,
    orderTotalMinor: AMOUNT,
    currency: 'EUR',
    occurredAt: '2026-11-20T11:00:00.000Z',
    items: [{ sku: 'MUG-BLUE', quantity: 1 }],
    isWhole: true,
    ...change,
  };
}
