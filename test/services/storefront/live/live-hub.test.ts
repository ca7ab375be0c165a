import { beforeEach, describe, expect, it } from '@jest/globals';
import type { FiguresEvent, OrderEvent } from '../../../../services/storefront/live/live-events.ts';
import { LiveHub } from '../../../../services/storefront/live/live-hub.ts';
import { Rounds } from '../../../../services/storefront/live/rounds.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { FakePage } from './fake-page.ts';

const orderNo = '20261130-091GA3JXTG21';
const other = '20261130-091GA3JXTG22';

function figures(ordersPerS: number): FiguresEvent {
  return {
    at: 0,
    ordersPerS,
    eventsPerS: 0,
    backlog: 0,
    checkoutP50Ms: null,
    checkoutP99Ms: null,
    services: {},
    broker: 'up',
  };
}

function order(no: string, status: string): OrderEvent {
  return { orderNo: no, status, entries: [] };
}

let clock: FakeClock;
let hub: LiveHub;

beforeEach(() => {
  clock = new FakeClock();
  hub = new LiveHub(clock);
});

function open(): FakePage {
  const page = new FakePage();
  hub.open(page.response);
  return page;
}

describe('the live hub', () => {
  it('greets a page, and tells it what all pages were told last', () => {
    const first = open();
    expect(first.text).toMatch(/^retry: 2000\nevent: hello\n/);
    hub.tellAll('figures', figures(1));
    hub.tellAll('figures', figures(2));
    const second = open();
    expect(second.streamId).not.toBe(first.streamId);
    expect(first.events('figures')).toEqual([figures(1), figures(2)]);
    expect(second.events('figures')).toEqual([figures(2)]);
  });

  it('tells nobody what was, when no page has been open since', () => {
    const page = open();
    hub.tellAll('figures', figures(1));
    page.emit('close');
    expect(open().events('figures')).toEqual([]);
  });

  it('does not keep for the next page what it is told while none is open', () => {
    hub.tellAll('figures', figures(1));
    hub.tellProblem('queues', 'The broker is away.');
    const page = open();
    expect(page.events('figures')).toEqual([]);
    expect(page.events('problem')).toEqual([]);
    hub.tellProblem('queues', 'The broker is away.');
    expect(page.events('problem')).toHaveLength(1);
  });

  it('tells a page of the orders it watches, and of those that are known already at once', () => {
    const page = open();
    hub.onWatch((no) => (no === other ? order(other, 'PAID') : undefined));
    hub.watch(page.streamId, { orders: [orderNo, other], isQueueSideShown: false });
    expect(page.events('order')).toEqual([order(other, 'PAID')]);
    const stranger = open();
    hub.tellOrder(order(orderNo, 'PENDING'));
    expect(page.events('order')).toHaveLength(2);
    expect(stranger.events('order')).toEqual([]);
    expect(hub.watchedOrders()).toEqual(new Set([orderNo, other]));
  });

  it('keeps for a page that does not read only the newest of each thing, however long that lasts', () => {
    const page = open();
    hub.watch(page.streamId, { orders: [orderNo, other], isQueueSideShown: true });
    page.isReading = false;
    for (let round = 0; round < 1_000; round++) {
      hub.tellAll('figures', figures(round));
      hub.tellOrder(order(orderNo, `round ${round}`));
      hub.tellOrder(order(other, `round ${round}`));
      hub.tellQueueSide({ topics: [], groups: [], deadLetters: [], findings: null });
    }
    const before = page.text.length;
    hub.watch(page.streamId, { orders: [orderNo], isQueueSideShown: true });
    page.readAgain();
    expect(page.events('figures')).toEqual([figures(999)]);
    expect(page.events('order')).toEqual([order(orderNo, 'round 999')]);
    expect(page.text.length - before).toBeLessThan(1_000);
  });

  it('keeps connections alive, and ends that of a page which has not read for 45 s', () => {
    const page = open();
    const asleep = open();
    asleep.isReading = false;
    clock.advance(15_000);
    expect(page.text).toContain(': still here\n\n');
    clock.advance(15_000);
    expect(hub.pageCount).toBe(2);
    clock.advance(15_000);
    expect(asleep.isDestroyed).toBe(true);
    expect(hub.pageCount).toBe(1);
  });

  it('forgets a page whose connection ended without a word, and rests without pages', () => {
    const page = open();
    page.req.socket.destroyed = true;
    clock.advance(15_000);
    expect(hub.pageCount).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('tells a problem when it comes and when it goes, and not in between', () => {
    const page = open();
    hub.tellProblem('queues', '');
    hub.tellProblem('queues', 'The broker is away.');
    hub.tellProblem('queues', 'The broker is away.');
    const late = open();
    hub.tellProblem('queues', '');
    const problems = [
      { part: 'queues', message: 'The broker is away.' },
      { part: 'queues', message: '' },
    ];
    expect(page.events('problem')).toEqual(problems);
    expect(late.events('problem')).toEqual(problems);
    expect(open().events('problem')).toEqual([]);
  });

  it('says that a stream has ended to whoever speaks for it', () => {
    const page = open();
    page.emit('close');
    const watched = { orders: [], isQueueSideShown: false };
    expect(() => hub.watch(page.streamId, watched)).toThrow('this stream has ended');
  });

  it('takes 200 pages and no more, and ends all streams when it stops', () => {
    const pages = Array.from({ length: 200 }, () => {
      hub.assertRoom();
      return open();
    });
    expect(() => hub.assertRoom()).toThrow('200 pages are open, at most 200 can be');
    hub.beforeApplicationShutdown();
    expect(pages.every(({ writableEnded }) => writableEnded)).toBe(true);
    expect(() => hub.assertRoom()).toThrow('the shop page is stopping');
  });
});

describe('rounds', () => {
  it('go on when the clock on the wall is set back', async () => {
    let begun = 0;
    const work = async (): Promise<void> => {
      begun += 1;
      clock.jumpWallClock(-3_600_000);
    };
    const rounds = new Rounds({ timers: clock, periodMs: 1_000, isWanted: () => true, work });
    rounds.wake();
    await clock.advanceAndSettle(3_500);
    rounds.stop();
    expect(begun).toBe(4);
  });

  it('are worked one at a time, a period apart, and rest when nobody wants them', async () => {
    let isWanted = false;
    let begun = 0;
    let finish: () => void = () => undefined;
    const rounds = new Rounds({
      timers: clock,
      periodMs: 1_000,
      isWanted: () => isWanted,
      work: () => {
        begun += 1;
        return new Promise((resolve) => (finish = resolve));
      },
    });
    rounds.wake();
    expect(begun).toBe(0);
    isWanted = true;
    rounds.wake();
    rounds.wake();
    await clock.advanceAndSettle(5_000);
    expect(begun).toBe(1);
    finish();
    await clock.advanceAndSettle(0);
    expect(begun).toBe(2);
    finish();
    await clock.advanceAndSettle(999);
    expect(begun).toBe(2);
    await clock.advanceAndSettle(1);
    expect(begun).toBe(3);
    isWanted = false;
    finish();
    await clock.advanceAndSettle(5_000);
    expect(begun).toBe(3);
    isWanted = true;
    rounds.wake();
    expect(begun).toBe(4);
    rounds.stop();
    finish();
    await clock.advanceAndSettle(5_000);
    expect(begun).toBe(4);
  });
});
