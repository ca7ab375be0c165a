import { randomUUID } from 'node:crypto';
import { Producer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { REFUND_EVENTS, type RefundStepDue } from '../../../services/contracts/refund-events.ts';
import {
  parseRefundStepResult,
  REFUND_STEP_RESULTS,
  type RefundStepResult,
} from '../../../services/contracts/refund-step-results.ts';
import {
  parseShipped,
  WAREHOUSE_EVENTS,
  type ShipmentShipped,
} from '../../../services/contracts/warehouse-events.ts';
import { paidEvent } from '../../services/order-event-samples.ts';
import { until } from '../../support/deadline.ts';
import { FakePeer, refusal, type Asked, type PeerAnswer } from './fake-peer.ts';
import { createShopTopics } from './shop-messages.ts';
import { startService, type RunningService } from './shop.ts';

/** Long enough that no test sees the end of it by itself: the broker's clock is moved there. */
export const PACKING_MS = 600_000;
export const RETRY_COUNT = 3;
export const SHIP_GROUP = 'warehouse-ship';
export const RETURN_GROUP = 'warehouse-on-return-goods-due';

export interface Goods {
  sku: string;
  quantity: number;
}

export interface ShipmentAnswer {
  shipmentNo: string;
  orderNo: string;
  status: string;
  trackingNo?: string;
  items: (Goods & { cancelledQuantity: number })[];
  shippedAt?: string;
  returns: { refundNo: string; status: string; items: Goods[]; settledAt?: string }[];
}

/**
 * `fails`: 500, nothing is taken. `hangs`: neither answers nor takes. `losesAnswers`: takes, and does not answer. `gone`: not
 * even a cancellation is answered.
 */
export type Conduct = 'answers' | 'fails' | 'hangs' | 'losesAnswers' | 'gone';

/** A carrier as scripted as a test wants it: what it has taken or cancelled stays so, by the shipment's number. */
export class FakeCarrier {
  readonly peer: FakePeer;
  conduct: Conduct = 'answers';
  /** What it does about one order instead. */
  conductOf: (orderNo: string) => Conduct | Promise<Conduct> = () => this.conduct;
  /** What happens when it has taken a parcel, before it says so. */
  beforeAnswer: (orderNo: string) => Promise<void> = () => Promise.resolve();
  /** By the shipment's number: what it has taken, as it was first asked. */
  readonly taken = new Map<string, { orderNo: string; items: Goods[] }>();
  readonly cancelled = new Set<string>();

  constructor(peer: FakePeer) {
    this.peer = peer;
    peer.answer('POST /shipments', (asked) => this.#take(asked));
    peer.answer('POST /shipments/:orderNo/cancel', (asked) => this.#cancel(asked));
  }

  /** What it was asked to take of an order, try by try. */
  askedFor(orderNo: string): Goods[][] {
    return this.peer
      .asked('POST /shipments', orderNo)
      .map(({ body }) => (body as { items: Goods[] }).items);
  }

  takenOf(orderNo: string): Goods[] | undefined {
    return [...this.taken.values()].find((parcel) => parcel.orderNo === orderNo)?.items;
  }

  async #take({ body }: Asked): Promise<PeerAnswer> {
    const { requestNo, ...parcel } = body as { requestNo: string; orderNo: string; items: Goods[] };
    const conduct = await this.conductOf(parcel.orderNo);
    if (conduct === 'fails' || conduct === 'gone') return refusal(500, 'HTTP.500');
    if (conduct === 'hangs') return 'hang';
    if (this.cancelled.has(requestNo)) return refusal(409, 'CARRIER.CANCELLED');
    const known = this.taken.get(requestNo) ?? parcel;
    if (JSON.stringify(known) !== JSON.stringify(parcel)) {
      return refusal(409, 'CARRIER.REQUEST_REUSED');
    }
    this.taken.set(requestNo, parcel);
    await this.beforeAnswer(parcel.orderNo);
    if (conduct === 'losesAnswers') return 'hang';
    return { status: 200, body: { requestNo, trackingNo: `TRK-${requestNo}`, status: 'ACCEPTED' } };
  }

  #cancel({ path }: Asked): PeerAnswer {
    const requestNo = path.split('/')[2]!;
    if (this.conduct === 'gone') return refusal(503, 'CARRIER.UNAVAILABLE');
    if (this.taken.has(requestNo)) return refusal(409, 'CARRIER.SHIPPED');
    this.cancelled.add(requestNo);
    return { status: 200, body: { status: 'CANCELLED' } };
  }
}

/** A warehouse with a broker, and a carrier that does as it is told. */
export class WarehouseWorld implements AsyncDisposable {
  readonly broker: TestBroker;
  readonly producer: Producer;
  readonly carrier: FakeCarrier;
  readonly warehouse: RunningService;

  private constructor(parts: {
    broker: TestBroker;
    producer: Producer;
    carrier: FakeCarrier;
    warehouse: RunningService;
  }) {
    this.broker = parts.broker;
    this.producer = parts.producer;
    this.carrier = parts.carrier;
    this.warehouse = parts.warehouse;
  }

  static async start(env: Readonly<Record<string, string>> = {}): Promise<WarehouseWorld> {
    const broker = await testBroker({ timeoutMs: 30_000 });
    await createShopTopics(broker);
    const carrier = new FakeCarrier(await FakePeer.start());
    const warehouse = await startService('warehouse', {
      namesrvAddr: broker.namesrvAddr,
      env: {
        THIRD_PARTY_URL: carrier.peer.url,
        THIRD_PARTY_TIMEOUT_MS: '1000',
        PACKING_MS: String(PACKING_MS),
        MAX_RECONSUME_TIMES: String(RETRY_COUNT),
        ...env,
      },
    });
    const producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
    return new WarehouseWorld({ broker, producer, carrier, warehouse });
  }

  /** Tells that an order was paid. */
  async paid(
    items: readonly Goods[],
    {
      orderNo = `order-${randomUUID()}`,
      eventId = randomUUID(),
    }: { orderNo?: string; eventId?: string } = {},
  ): Promise<string> {
    const ordered = items.map((item) => ({ ...item, unitPriceMinor: 100 }));
    const event = { ...paidEvent, orderNo, eventId, items: ordered };
    await this.send('ORDER_EVENTS', event);
    return orderNo;
  }

  /** A paid order whose parcel is being packed: the broker has the message that will have it handed over. */
  async packing(items: readonly Goods[]): Promise<string> {
    const orderNo = await this.paid(items);
    await until(
      async () =>
        (await this.broker.delayed(WAREHOUSE_EVENTS)).some(({ message }) =>
          message.keys.includes(orderNo),
        ),
      { what: `the delayed message of ${orderNo}`, timeoutMs: 30_000 },
    );
    return orderNo;
  }

  /** Lets the time pass until whatever is packed has been handed over, or is a dead letter. */
  handOver(): Promise<void> {
    return this.broker.drain(SHIP_GROUP, WAREHOUSE_EVENTS);
  }

  async shipped(items: readonly Goods[]): Promise<string> {
    const orderNo = await this.packing(items);
    await this.handOver();
    await this.untilStatus(orderNo, 'SHIPPED');
    return orderNo;
  }

  /** A parcel that the carrier has not answered for: its conduct until then is as given. */
  async handingOver(items: readonly Goods[], conduct: Conduct): Promise<string> {
    const orderNo = await this.packing(items);
    this.carrier.conduct = conduct;
    await this.broker.clock.advance(PACKING_MS);
    await this.untilStatus(orderNo, 'HANDING_OVER');
    await until(() => this.carrier.askedFor(orderNo).length > 0, {
      what: 'the carrier being asked',
    });
    return orderNo;
  }

  /** Has the goods of a refund seen to. Returns the refund's number. */
  async returnGoods(
    orderNo: string,
    items: readonly Goods[],
    {
      refundNo = `refund-${randomUUID()}`,
      eventId = randomUUID(),
    }: { refundNo?: string; eventId?: string } = {},
  ): Promise<string> {
    const due: RefundStepDue = {
      type: 'ReturnGoods',
      eventId,
      refundNo,
      orderNo,
      userId: 'user-1',
      paymentNo: 'P-1',
      refundMinor: 100,
      orderTotalMinor: 300,
      currency: 'EUR',
      occurredAt: new Date().toISOString(),
      items,
      isWhole: false,
    };
    await this.send(REFUND_EVENTS, due);
    return refundNo;
  }

  async send(topic: string, event: { type: string; orderNo: string }): Promise<void> {
    const { type: tags, orderNo } = event;
    const body = JSON.stringify(event);
    await this.producer.send({ topic, tags, keys: orderNo, shardingKey: orderNo, body });
  }

  receipt(shipmentNo: string, refundNo: string): Promise<Response> {
    return this.warehouse.post(`/shipments/${shipmentNo}/return-receipts`, { refundNo });
  }

  async shipmentOf(orderNo: string): Promise<ShipmentAnswer | undefined> {
    const answer = await this.warehouse.get(`/shipments?orderNo=${orderNo}`);
    return ((await answer.json()) as { items: ShipmentAnswer[] }).items[0];
  }

  untilStatus(orderNo: string, status: string): Promise<ShipmentAnswer> {
    return until(
      async () => {
        const shipment = await this.shipmentOf(orderNo);
        return shipment?.status === status ? shipment : undefined;
      },
      { what: `${orderNo} being ${status}`, timeoutMs: 30_000 },
    );
  }

  untilReturn(orderNo: string, refundNo: string, status: string): Promise<ShipmentAnswer> {
    return until(
      async () => {
        const shipment = await this.shipmentOf(orderNo);
        const found = shipment?.returns.find((each) => each.refundNo === refundNo);
        return found?.status === status ? shipment : undefined;
      },
      { what: `${refundNo} being ${status}`, timeoutMs: 30_000 },
    );
  }

  /** What the refund service has been told of a refund. */
  async results(refundNo: string): Promise<RefundStepResult[]> {
    const messages = await this.broker.messages(REFUND_STEP_RESULTS);
    return messages
      .map((message) => parseRefundStepResult(message.text()))
      .filter((result) => result.refundNo === refundNo);
  }

  untilResults(refundNo: string, count = 1): Promise<RefundStepResult[]> {
    return until(
      async () => {
        const results = await this.results(refundNo);
        return results.length >= count ? results : undefined;
      },
      { what: `${count} result(s) of ${refundNo}`, timeoutMs: 30_000 },
    );
  }

  /** What everybody has been told of an order's parcel. */
  async announced(orderNo: string): Promise<ShipmentShipped[]> {
    const messages = await this.broker.messages(WAREHOUSE_EVENTS);
    return messages
      .filter(({ keys, tags }) => keys.includes(orderNo) && tags === 'Shipped')
      .map((message) => parseShipped(message.text()));
  }

  untilAnnounced(orderNo: string): Promise<ShipmentShipped[]> {
    return until(
      async () => {
        const events = await this.announced(orderNo);
        return events.length > 0 ? events : undefined;
      },
      { what: `the announcement of ${orderNo}`, timeoutMs: 30_000 },
    );
  }

  /** Why the messages of an order are dead letters of a group. */
  async deadLetterReasons(group: string, key: string): Promise<(string | undefined)[]> {
    const letters = await this.broker.dlq(group);
    return letters
      .filter(({ keys }) => keys.includes(key))
      .map(({ properties }) => properties.get('DLQ_REASON'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.warehouse[Symbol.asyncDispose]();
    await this.producer.shutdown();
    await this.carrier.peer[Symbol.asyncDispose]();
    await this.broker.close();
  }
}
