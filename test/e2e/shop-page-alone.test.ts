import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import type { Browser, Locator } from 'playwright-core';
import type { FiguresEvent, TimelineEntry } from '../../services/storefront/live/live-events.ts';
import { until } from '../support/deadline.ts';
import { PageStand } from '../support/page-stand.ts';
import { ShopPage } from '../support/shop-page.ts';
import { describeInBrowser, launchBrowser } from './in-browser.ts';

const group = 'coupon-on-order-paid';
const orderNo = '20261201-7K3M9Q2T4VXA';
const placedAt = '2026-12-01T09:00:00.000Z';

const figures: FiguresEvent = {
  at: Date.parse(placedAt),
  ordersPerS: 1,
  eventsPerS: 0,
  backlog: 0,
  checkoutP50Ms: null,
  checkoutP99Ms: null,
  services: { order: 'up' },
  broker: 'up',
};

jest.setTimeout(300_000);

/** What only a browser can tell, of states of the shop that a test can only have by saying so. */
describeInBrowser('the shop page by itself', () => {
  let browser: Browser;
  let stand: PageStand;
  let shop: ShopPage;

  beforeAll(async () => {
    browser = await launchBrowser();
  });

  afterAll(() => browser?.close());

  beforeEach(async () => {
    stand = await PageStand.open();
    stand.answers.set('GET /api/catalogue', () => ({
      body: {
        currency: 'EUR',
        products: [{ sku: 'TEA', name: 'Tea', unitPriceMinor: 590, available: 9 }],
      },
    }));
  });

  afterEach(async () => {
    await shop.close();
    await stand[Symbol.asyncDispose]();
  });

  describe('with more dead letters than a page has', () => {
    /** The numbers of all, the oldest first. */
    let kept: number[];
    let redriven: unknown[];

    const id = (number: number): string => number.toString(16).toUpperCase().padStart(32, '0');
    const sayWaiting = (): void =>
      stand.say('queues', {
        topics: [],
        groups: [],
        findings: [],
        deadLetters: [{ group, waiting: kept.length, beingRetried: 0 }],
      });
    const shownFirst = (text: string): Promise<void> =>
      shop.page.locator('.letters li:first-child', { hasText: new RegExp(`${text}\\b`) }).waitFor();
    const range = (): Promise<string> => shop.page.locator('.pages > span').innerText();

    beforeEach(async () => {
      kept = Array.from({ length: 120 }, (_, index) => index + 1);
      redriven = [];
      stand.answers.set(`GET /api/dead-letters/${group}`, ({ searchParams }) => {
        const skip = Number(searchParams.get('skip'));
        const items = kept.toReversed().slice(skip, skip + 50);
        return {
          body: {
            total: kept.length,
            items: items.map((number) => ({
              offsetMsgId: id(number),
              messageId: id(number),
              keys: [`order-${number}`],
              tag: 'Paid',
              reason: 'connect ECONNREFUSED 127.0.0.1:3306',
              storedAt: placedAt,
              body: '{}',
            })),
          },
        };
      });
      stand.answers.set(`POST /api/dead-letters/${group}/redrive`, (_path, body) => {
        redriven.push(body);
        return { body: { redriven: 1, failed: 0 } };
      });
      shop = await ShopPage.open(browser, stand.url);
      await shop.showTab('Queues');
      sayWaiting();
      await shownFirst('order-120');
    });

    it('shows the newest, how many there are, and the others page by page', async () => {
      const { page } = shop;
      const panel = page.locator('#dead-letters');
      expect(await page.locator('.letters li').count()).toBe(50);
      expect(await range()).toBe('1–50 of 120, newest first');
      expect(await page.locator('.fate').innerText()).toMatch(/^120 kept/);
      await shop.press(panel, 'Older');
      await shownFirst('order-70');
      await shop.press(panel, 'Older');
      await shownFirst('order-20');
      expect(await range()).toBe('101–120 of 120, newest first');
      // There is nothing older, and the keyboard stays where it is.
      await panel.getByRole('button', { name: 'Older', disabled: true }).press('Enter');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Older');
      expect(await range()).toBe('101–120 of 120, newest first');
      await shop.press(panel, 'Newer');
      await shownFirst('order-70');
    });

    it('moves nothing when newer ones come, and shows them when it is asked to', async () => {
      kept.push(121, 122);
      sayWaiting();
      await shop.page.locator('.pages', { hasText: '2 newer' }).waitFor();
      await shownFirst('order-120');
      await shop.press(shop.page.locator('#dead-letters'), 'Newer');
      await shownFirst('order-122');
      expect(await range()).toBe('1–50 of 122, newest first');
      expect(await shop.moved()).toEqual([]);
    });

    it('gives back the one that was chosen and says so at its place, or all, and then shows what is left', async () => {
      const { page } = shop;
      const letter = page.locator('.letters li', { hasText: 'order-118' });
      await page.getByRole('button', { name: 'Redrive Paid of order-118' }).click();
      await letter.getByText(/^given back \d\d:\d\d:\d\d; listed until all are$/).waitFor();
      expect(redriven).toEqual([{ offsetMsgIds: [id(118)] }]);
      kept = [121];
      await shop.press(page.locator('#dead-letters'), 'Redrive all');
      await page.locator('#dead-letters .said', { hasText: '1 are left' }).waitFor();
      expect(redriven.at(-1)).toEqual({});
      await shownFirst('order-121');
      expect(await page.locator('.letters li').count()).toBe(1);
    });

    it('says how many could not be given back, and why', async () => {
      stand.answers.set(`POST /api/dead-letters/${group}/redrive`, () => ({
        body: { redriven: 3, failed: 117, reason: 'the disk is full' },
      }));
      await shop.press(shop.page.locator('#dead-letters'), 'Redrive all');
      await shop.page
        .locator('#dead-letters .problem', { hasText: '117 could not be: the disk is full' })
        .waitFor();
    });
  });

  describe('with a shop that is gone', () => {
    it('says so without moving anything, and of no service that it is up', async () => {
      shop = await ShopPage.open(browser, stand.url);
      const { page } = shop;
      stand.say('figures', figures);
      await page.locator('#health [data-part=order][data-state=up]').waitFor();
      await stand[Symbol.asyncDispose]();
      await page.locator('#connection[data-state=broken]').waitFor();
      expect(await page.locator('#health [data-state]').count()).toBe(0);
      expect(await shop.moved()).toEqual([]);
    });

    it('says over its goods that their prices are old', async () => {
      shop = await ShopPage.open(browser, stand.url);
      const { page } = shop;
      const button = page.getByRole('button', { name: 'Place order' });
      const before = await button.boundingBox();
      stand.answers.set('GET /api/catalogue', () => ({
        status: 503,
        body: { title: 'Service Unavailable', detail: 'order does not answer' },
      }));
      // The page asks every 15 s.
      await page.locator('.catalogue-problem p', { hasText: 'order does not answer' }).waitFor();
      expect(await button.boundingBox()).toEqual(before);
      expect(await shop.moved()).toEqual([]);
    });
  });

  it.each([1280, 320])(
    'shows of an order’s timeline every word, and no entry over another, %i pixels wide',
    async (width) => {
      stand.answers.set('POST /api/orders', () => ({
        status: 201,
        body: { orderNo, status: 'PENDING', totalMinor: 590, currency: 'EUR', placedAt },
      }));
      shop = await ShopPage.open(browser, stand.url, { viewport: { width, height: 800 } });
      const card = await shop.place();
      const entry = (seconds: number, what: string): TimelineEntry => ({
        at: new Date(Date.parse(placedAt) + seconds * 1_000).toISOString(),
        service: 'push',
        what,
        topic: 'NOTIFICATION_EVENTS',
        tag: 'Recorded',
        messageId: 'C000020221C372AB0E2301E6E4495DE0',
      });
      const late = entry(1, 'A short one, which comes late and belongs between the others');
      const entries = [entry(0, 'long '.repeat(60)), entry(2, `word${'x'.repeat(200)}`)];
      const say = (all: readonly TimelineEntry[]): void =>
        stand.say('order', { orderNo, status: 'PENDING', entries: all });
      say(entries);
      const rows = card.locator('.timeline li');
      await rows.nth(1).waitFor();
      say([...entries, late]);
      await rows.nth(2).waitFor();
      // Elsewhere it has no height; back here it has its own again.
      await shop.showTab('Queues');
      await shop.showTab('Shop');
      await until(async () => isStacked(await boxesOf(rows)), { what: 'rows one below the other' });
      const cut = await shop.page.evaluate<string[]>(
        `[...document.querySelectorAll('.timeline li > *')]
           .filter((part) => part.scrollWidth > part.clientWidth + 1).map((part) => part.textContent)`,
      );
      expect(cut).toEqual([]);
      expect(await rows.nth(1).innerText()).toContain('A short one');
      expect(await shop.moved()).toEqual([]);
    },
  );

  it.each([1280, 390, 320])(
    'shows figures of any length at the same place, none of them cut, %i pixels wide',
    async (width) => {
      shop = await ShopPage.open(browser, stand.url, { viewport: { width, height: 844 } });
      const say = (seconds: number, count: number | null): void =>
        stand.say('figures', {
          ...figures,
          at: figures.at + seconds * 1_000,
          ordersPerS: count ?? 0,
          eventsPerS: count ?? 0,
          backlog: count === null ? null : count * 10,
          checkoutP50Ms: count,
          checkoutP99Ms: count,
        });
      const shown = shop.page.locator('.figure').first().locator('.value');
      for (const [seconds, count] of [null, 7, 1_234, 0].entries()) {
        say(seconds, count);
        await shown.getByText(count === 1_234 ? '1,234' : /^[07]/).waitFor();
        const cut = await shop.page.evaluate<string[]>(
          `[...document.querySelectorAll('.figure p')]
             .filter((line) => line.scrollWidth > line.clientWidth || line.scrollHeight > line.clientHeight)
             .map((line) => line.textContent)`,
        );
        expect(cut).toEqual([]);
      }
      expect(await shop.moved()).toEqual([]);
    },
  );

  it('draws on when the clock of the shop is set back, and does not take an answer that comes twice for a new one', async () => {
    shop = await ShopPage.open(browser, stand.url);
    const value = shop.page.locator('.figure').first().locator('.value');
    stand.say('figures', figures);
    await value.getByText('1.0', { exact: true }).waitFor();
    await shop.record('#figures');
    stand.say('figures', { ...figures, ordersPerS: 2 });
    stand.say('figures', { ...figures, at: figures.at + 1_000, ordersPerS: 3 });
    await value.getByText('3.0', { exact: true }).waitFor();
    stand.say('figures', { ...figures, at: figures.at - 3_600_000, ordersPerS: 4 });
    await value.getByText('4.0', { exact: true }).waitFor();
    expect(await shop.page.evaluate('recorded.some((text) => text.includes("in2.0"))')).toBe(false);
    await shop.hasShown(/in3\.0/);
  });

  it('takes the last word of a sale for the last', async () => {
    shop = await ShopPage.open(browser, stand.url);
    await shop.showTab('Queues');
    const state = shop.page.locator('.sale-state');
    const rates = { arrivedPerS: 0, admittedPerS: 0, orderedPerS: 0, waiting: 0 };
    const sale = { saleId: 'S-1', sku: 'TEA', stock: 9, remaining: 4, ...rates, isOver: true };
    stand.say('sale', sale);
    await state.getByText('Sale S-1 of TEA: 4 of 9 pieces left; it is over.').waitFor();
    await shop.record('.sale');
    stand.say('sale', sale);
    stand.say('sale', { ...sale, remaining: 3 });
    stand.say('sale', { ...sale, saleId: 'S-2', isOver: false });
    await shop.hasShown(/Sale S-2 of TEA: 4 of 9 pieces left\./);
    expect(await shop.page.evaluate('recorded.some((text) => text.includes("3 of 9"))')).toBe(
      false,
    );
  });

  it('offers to those who cannot see it each control once, by a name', async () => {
    shop = await ShopPage.open(browser, stand.url);
    const { page } = shop;
    await page.getByRole('spinbutton', { name: 'How many of Tea' }).waitFor();
    // What the arrow keys of the field do already.
    expect(await page.getByRole('button', { name: /^[−+]$/ }).count()).toBe(0);
    const reasons = { broker: 'not here', couponDatabase: 'not here' };
    const thirdParty = { latencyMs: 200, errorRate: 0.05 };
    stand.say('switches', { thirdParty, couponDatabase: null, broker: null, reasons });
    await page.getByRole('slider', { name: 'Latency', exact: true }).waitFor();
    // It says its value itself; what stands beside it is not said a second time.
    expect(await page.locator('#switches').getByRole('status').count()).toBe(3);
  });
});

interface Box {
  readonly y: number;
  readonly height: number;
}

async function boxesOf(rows: Locator): Promise<Box[]> {
  const boxes = await Promise.all((await rows.all()).map((row) => row.boundingBox()));
  return boxes.map((box) => box!);
}

/** Each begins where the one before it ends. */
function isStacked(boxes: readonly Box[]): boolean {
  return boxes.slice(1).every(({ y }, index) => {
    const { y: above, height } = boxes[index]!;
    return height > 0 && Math.abs(above + height - y) < 1;
  });
}
