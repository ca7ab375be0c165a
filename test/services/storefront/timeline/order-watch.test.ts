import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  MqError,
  type Admin,
  type ConsumedMessage,
} from '../../../../services/common/mq.module.ts';
import { LiveHub } from '../../../../services/storefront/live/live-hub.ts';
import { OrderWatch } from '../../../../services/storefront/timeline/order-watch.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { recordingLog } from '../../recording-log.ts';
import { FakePage } from '../live/fake-page.ts';

const placedAt = '2030-01-01T00:00:00.000Z';

let clock: FakeClock;
let hub: LiveHub;
let page: FakePage;
let watch: OrderWatch;
/** When the broker was asked, by the clock. */
let questions: number[];
let requestCount: number;
let isBrokerAway: boolean;
let status: string;

beforeEach(() => {
  clock = new FakeClock(Date.parse(placedAt));
  hub = new LiveHub(clock);
  questions = [];
  requestCount = 0;
  isBrokerAway = false;
  status = 'PENDING';
  const admin: Pick<Admin, 'queryMessages'> = {
    queryMessages: async () => {
      questions.push(clock.now());
      if (isBrokerAway) throw new MqError('CONNECT_FAILED', 'away');
      return [] as ConsumedMessage[];
    },
  };
  const services = {
    ask: async (name: string, path: string) => {
      requestCount += 1;
      const isOrder = name === 'order' && !path.endsWith('/refunds');
      const order = { status, totalMinor: 100, currency: 'EUR', placedAt };
      return { status: 200, text: JSON.stringify(isOrder ? order : { items: [] }) };
    },
  };
  const { log } = recordingLog();
  watch = new OrderWatch({ services, admin, hub, timers: clock, log });
  watch.onModuleInit();
  page = new FakePage();
  hub.open(page.response);
});

afterEach(() => {
  watch.onApplicationShutdown();
  hub.beforeApplicationShutdown();
});

function watchOrders(count: number): void {
  const orders = Array.from({ length: count }, (_, n) => `20300101-${String(n).padStart(12, '0')}`);
  hub.watch(page.streamId, { orders, isQueueSideShown: false });
}

describe('an order that is watched', () => {
  it('is told once, and again when it has changed', async () => {
    watchOrders(1);
    await clock.advanceAndSettle(10_000);
    expect(page.events('order').map((event) => event.status)).toEqual(['PENDING']);
    status = 'PAID';
    await clock.advanceAndSettle(10_000);
    expect(page.events('order').map((event) => event.status)).toEqual(['PENDING', 'PAID']);
  });

  it('is told on when the clock on the wall is set back', async () => {
    watchOrders(1);
    await clock.advanceAndSettle(3_000);
    clock.jumpWallClock(-3_600_000);
    const before = questions.length;
    status = 'PAID';
    await clock.advanceAndSettle(10_000);
    expect(page.events('order').map((event) => event.status)).toEqual(['PENDING', 'PAID']);
    expect(questions.length).toBeGreaterThan(before);
  });

  it('costs the broker a question or two after a change, and then one every half minute', async () => {
    watchOrders(1);
    await clock.advanceAndSettle(10_000);
    const afterStart = questions.length;
    expect(afterStart).toBeGreaterThan(0);
    expect(afterStart).toBeLessThan(6);
    await clock.advanceAndSettle(120_000);
    expect(questions.length - afterStart).toBeLessThan(6);
  });

  it('is looked at less often the longer nothing happens', async () => {
    watchOrders(1);
    await clock.advanceAndSettle(300_000);
    const before = requestCount;
    await clock.advanceAndSettle(60_000);
    // Eight questions a look, a look every 15 s.
    expect(requestCount - before).toBeLessThanOrEqual(8 * 5);
  });

  it('is not looked at any more when nobody watches it', async () => {
    watchOrders(1);
    await clock.advanceAndSettle(5_000);
    page.emit('close');
    await clock.advanceAndSettle(15_000);
    const before = requestCount;
    await clock.advanceAndSettle(60_000);
    expect(requestCount).toBe(before);
  });

  it('shares 20 questions a second to the broker with all others', async () => {
    watchOrders(20);
    const more = Array.from({ length: 30 }, () => new FakePage());
    for (const [index, each] of more.entries()) {
      hub.open(each.response);
      const orders = Array.from(
        { length: 20 },
        (_, n) => `20300102-${String(index * 20 + n).padStart(12, '0')}`,
      );
      hub.watch(each.streamId, { orders, isQueueSideShown: false });
    }
    await clock.advanceAndSettle(10_000);
    expect(questions.length).toBeGreaterThan(100);
    expect(questions.length).toBeLessThanOrEqual(201);
    for (const each of more) each.emit('close');
  });

  it('is told without messages while the broker is away, which is asked on', async () => {
    isBrokerAway = true;
    watchOrders(1);
    await clock.advanceAndSettle(3_000);
    expect(page.events('order')).toHaveLength(1);
    expect(page.events('problem')).toMatchObject([{ part: 'order' }]);
    isBrokerAway = false;
    await clock.advanceAndSettle(3_000);
    expect(page.events('problem').at(-1)).toEqual({ part: 'order', message: '' });
  });
});
