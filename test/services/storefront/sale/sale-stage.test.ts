import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DomainError } from '../../../../services/common/errors.ts';
import type { PeerAnswer, PeerRequest } from '../../../../services/common/http-peer.ts';
import { verifyCustomerToken } from '../../../../services/contracts/customer-token.ts';
import { LiveHub } from '../../../../services/storefront/live/live-hub.ts';
import { SaleStage } from '../../../../services/storefront/sale/sale-stage.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { recordingLog } from '../../recording-log.ts';
import { FakePage } from '../live/fake-page.ts';

const secret = 'only the tests know this';
const saleId = '20300101-091GA3JXTG21';
const terms = { stock: 30, customersPerS: 50, seconds: 2 };

let clock: FakeClock;
let hub: LiveHub;
let page: FakePage;
let stage: SaleStage;
let customers: { userId: string; address: string | undefined }[];
let ordered: number;
let openStatus: number;
/** The service has opened the sale, and its answer comes too late. */
let isAnswerLate: boolean;
let opened: object | undefined;
let metricsStatus: number;
let canClose: boolean;
let isClosed: boolean;

function answer(status: number, text: string): PeerAnswer {
  return { status, headers: {}, text };
}

function away(): DomainError {
  return new DomainError('FLASHSALE.UNAVAILABLE', 'unavailable', 'away');
}

/** The flash sale service: admits as many as there are pieces. */
async function exchange({ method, path, headers, body }: PeerRequest): Promise<PeerAnswer> {
  if (path.startsWith('/metrics')) {
    return answer(
      metricsStatus,
      `millrace_flash_tickets_total{outcome="ORDERED"} ${1_000 + ordered}\n`,
    );
  }
  if (method === 'POST' && path === '/flash-sales') {
    opened = { ...(JSON.parse(body!) as object), saleId };
    if (isAnswerLate) throw away();
    return answer(openStatus, JSON.stringify({ saleId }));
  }
  const { userId } = verifyCustomerToken(headers?.['authorization'], secret, clock.now());
  customers.push({ userId, address: headers?.['x-forwarded-for'] });
  return answer(customers.length <= terms.stock ? 202 : 409, '{}');
}

beforeEach(() => {
  clock = new FakeClock(Date.parse('2030-01-01T00:00:00Z'));
  hub = new LiveHub(clock);
  customers = [];
  ordered = 0;
  openStatus = 201;
  isAnswerLate = false;
  opened = undefined;
  metricsStatus = 200;
  canClose = true;
  isClosed = false;
  const peer = {
    exchange,
    get: async (path: string) =>
      path === '/flash-sales'
        ? { items: [opened].filter((sale) => sale !== undefined) }
        : { remaining: Math.max(0, terms.stock - customers.length) },
    post: async () => {
      if (!canClose) throw away();
      isClosed = true;
      return {};
    },
  };
  const services = {
    ask: (_name: string, path: string) => exchange({ method: 'GET', path }),
    pass: (_name: string, request: PeerRequest) => exchange(request),
    of: () => peer,
  } as unknown as ConstructorParameters<typeof SaleStage>[0]['services'];
  const { log } = recordingLog();
  stage = new SaleStage({ services, customerTokenSecret: secret, hub, timers: clock, log });
  page = new FakePage();
  hub.open(page.response);
});

afterEach(() => {
  stage.onApplicationShutdown();
  hub.beforeApplicationShutdown();
});

describe('a sale with a crowd', () => {
  it('has every customer come once, at the rate, with a name and an address of his own', async () => {
    expect(await stage.open(terms)).toEqual({ saleId });
    await clock.advanceAndSettle(1_000);
    expect(customers).toHaveLength(50);
    await clock.advanceAndSettle(5_000);
    expect(customers).toHaveLength(100);
    expect(new Set(customers.map(({ userId }) => userId)).size).toBe(100);
    expect(new Set(customers.map(({ address }) => address)).size).toBe(100);
  });

  it('is told every second until its tickets are orders, and is closed then', async () => {
    await stage.open(terms);
    await clock.advanceAndSettle(4_000);
    const busy = page.events('sale');
    expect(busy.every(({ isOver }) => !isOver)).toBe(true);
    expect(busy.at(-1)).toMatchObject({ saleId, stock: 30, remaining: 0, waiting: 30 });
    expect(busy.some(({ arrivedPerS }) => arrivedPerS > 40)).toBe(true);
    ordered = 30;
    await clock.advanceAndSettle(4_000);
    expect(page.events('sale').some(({ orderedPerS }) => orderedPerS > 0)).toBe(true);
    expect(page.events('sale').at(-1)).toMatchObject({ isOver: true, waiting: 0 });
    expect(isClosed).toBe(true);
    const { length } = page.events('sale');
    await clock.advanceAndSettle(10_000);
    expect(page.events('sale')).toHaveLength(length);
  });

  it('is one at a time; the next may come when it is over, also if its orders never do', async () => {
    await stage.open(terms);
    await expect(stage.open(terms)).rejects.toMatchObject({ code: 'SALE.RUNS', kind: 'conflict' });
    await clock.advanceAndSettle(70_000);
    expect(page.events('sale').at(-1)).toMatchObject({ isOver: true, waiting: 30 });
    expect(await stage.open(terms)).toEqual({ saleId });
  });

  it('goes on, and ends, when the clock on the wall is set back', async () => {
    await stage.open(terms);
    clock.jumpWallClock(-3_600_000);
    await clock.advanceAndSettle(3_000);
    expect(customers).toHaveLength(100);
    ordered = 30;
    await clock.advanceAndSettle(5_000);
    expect(page.events('sale').at(-1)).toMatchObject({ isOver: true });
    expect(isClosed).toBe(true);
  });

  it('is not over before it is closed, which is tried again', async () => {
    await stage.open(terms);
    canClose = false;
    await clock.advanceAndSettle(3_000);
    ordered = 30;
    await clock.advanceAndSettle(5_000);
    expect(page.events('sale').every(({ isOver }) => !isOver)).toBe(true);
    expect(page.events('problem')).toMatchObject([{ part: 'sale' }]);
    canClose = true;
    await clock.advanceAndSettle(2_000);
    expect(isClosed).toBe(true);
    expect(page.events('sale').at(-1)).toMatchObject({ isOver: true });
    expect(page.events('problem').at(-1)).toEqual({ part: 'sale', message: '' });
  });

  it('is over, and no problem any more, when it could not be closed until it ended by itself', async () => {
    await stage.open(terms);
    canClose = false;
    await clock.advanceAndSettle(3_000);
    ordered = 30;
    await clock.advanceAndSettle(67_000);
    expect(page.events('sale').at(-1)).toMatchObject({ isOver: true, orderedPerS: 0 });
    expect(page.events('problem').at(0)).toMatchObject({ part: 'sale' });
    expect(page.events('problem').at(-1)).toEqual({ part: 'sale', message: '' });
    expect(await stage.open(terms)).toEqual({ saleId });
  });

  it('does not take metrics that cannot be read for tickets that are not there', async () => {
    metricsStatus = 503;
    await expect(stage.open(terms)).rejects.toMatchObject({ code: 'FLASHSALE.UNAVAILABLE' });
    expect(opened).toBeUndefined();
  });

  it('is found again when the answer to its opening came too late', async () => {
    isAnswerLate = true;
    expect(await stage.open(terms)).toEqual({ saleId });
    await clock.advanceAndSettle(1_000);
    expect(customers).toHaveLength(50);
  });

  it("is the service's refusal when that opens none, and nobody comes", async () => {
    openStatus = 409;
    expect(await stage.open(terms)).toMatchObject({ status: 409 });
    await clock.advanceAndSettle(5_000);
    expect(customers).toEqual([]);
    openStatus = 201;
    expect(await stage.open(terms)).toEqual({ saleId });
  });
});
