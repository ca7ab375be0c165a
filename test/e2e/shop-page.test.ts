import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { until } from '../support/deadline.ts';
import { TestProcess } from '../support/process.ts';
import { ShopPage } from '../support/shop-page.ts';
import { browserPath, describeInBrowser, launchBrowser } from './in-browser.ts';
import { ProcessMark } from './marked-processes.ts';

const root = resolve(import.meta.dirname, '..', '..');
const everybody = ['order', 'payment', 'coupon', 'points', 'push', 'warehouse'];

/** More than what is waited for within it may take together, so that a failure names what did not come. */
jest.setTimeout(900_000);

describeInBrowser('the shop page', () => {
  let demo: TestProcess;
  let browser: Browser;
  let shop: ShopPage;
  const seen: string[] = [];

  beforeAll(async () => {
    demo = await TestProcess.start({
      args: ['infra/bootstrap.mjs', 'demo'],
      cwd: root,
      env: { ...new ProcessMark().env, NODE_OPTIONS: undefined },
      ready: /Ctrl-C stops everything/,
      readyTimeoutMs: 420_000,
    });
    const [, url] = /shop page +(http:\S+)/.exec(await demo.stdout())!;
    browser = await launchBrowser();
    shop = await ShopPage.open(browser, url!);
    seen.push(`first paint after ${Math.round(await shop.firstPaintMs())} ms`);
    seen.push(`all files together ${await shop.bytes()} bytes`);
  });

  afterAll(async () => {
    await browser?.close();
    await demo?.[Symbol.asyncDispose]();
    if (seen.length > 0) console.info(`Seen in ${browserPath}:\n  ${seen.join('\n  ')}`);
  });

  it('consists of at most 200 KB, all of it from its own process', async () => {
    const bytes = await shop.bytes();
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThanOrEqual(200 * 1024);
    // The broker and eleven services.
    await shop.page.locator('#health [data-state=up]').nth(11).waitFor();
  });

  it('places, pays and refunds an order, and shows what each service does about it', async () => {
    const card = await shop.place();
    // At once: what is not paid within 12 s is closed.
    await shop.press(card, 'Pay');
    await card.locator('.outcome .said', { hasText: 'has begun' }).waitFor();
    await shop.press(card, 'Send again');
    await card.locator('.outcome .repeat', { hasText: 'placed nothing new' }).waitFor();
    await shop.hearsOf(card, everybody);
    await shop.reaches(card, 'SHIPPED');
    await shop.press(card, 'Refund');
    await shop.reaches(card, 'REFUNDING');
    const timeline = card.locator('.timeline');
    await timeline.getByText('The warehouse waits for the goods to come back').waitFor();
    await shop.press(card, 'Bring goods back');
    await shop.reaches(card, 'REFUNDED');
    await shop.hearsOf(card, ['stock']);
    await card.locator('.timeline code').nth(4).waitFor();
    const entries = await card.locator('.timeline li').allInnerTexts();
    const ids = await card.locator('.timeline code').allInnerTexts();
    expect(ids.every((id) => /^[0-9A-F]{32}$/.test(id))).toBe(true);
    seen.push(`an order with ${entries.length} entries, ${ids.length} of them with a message`);
  });

  it('shows what a service says against a request, beside the control it came from', async () => {
    const { page } = shop;
    const quantity = page.locator('input[data-sku]').first();
    await quantity.press('ControlOrMeta+a');
    await quantity.pressSequentially('5000');
    await page.getByRole('button', { name: 'Place order' }).click();
    const outcome = page.locator('#order-form .outcome');
    await outcome.locator('.problem').first().waitFor();
    expect(await outcome.innerText()).toMatch(
      /^400 Bad Request: .*items\[0\]\.quantity:? is 5000, it must be a whole number from 1 to 999$/,
    );
    expect(await quantity.getAttribute('aria-invalid')).toBe('true');
    await quantity.press('ControlOrMeta+a');
    await quantity.pressSequentially('1');
    await shop.press(page.locator('.order[data-status=REFUSED]'), 'Dismiss');

    const card = page.locator('.order').first();
    await card.getByRole('button', { expanded: false }).click();
    await shop.press(card, 'Refund');
    await card.locator('.outcome .problem', { hasText: '409 Conflict' }).waitFor();
    seen.push(`an error: ${await card.locator('.outcome').innerText()}`);
  });

  it('keeps the orders of this browser, and their history, when it is loaded again', async () => {
    const card = shop.page.locator('.order').first();
    const orderNo = await card.locator('.number').innerText();
    expect(await shop.moved()).toEqual([]);
    await shop.page.reload();
    await shop.isLive();
    await shop.hearsOf(shop.card(orderNo), [...everybody, 'refund', 'stock']);
  });

  it('sends an order again whose answer was lost with the page that waited for it, and places nothing twice', async () => {
    const other = await ShopPage.open(browser, shop.url);
    const { page } = other;
    let lostStatus: number | undefined;
    await page.route('**/api/orders', async (route) => {
      if (lostStatus !== undefined) return await route.continue();
      lostStatus = (await route.fetch()).status();
    });
    await page.getByRole('button', { name: 'Place order' }).click();
    expect(await until(() => lostStatus, { timeoutMs: 120_000 })).toBe(201);
    await page.locator('.order[data-status=PLACING]').waitFor();
    await page.reload();
    const card = page.locator('.order');
    await page.locator('.order[data-status=UNANSWERED]').waitFor();
    await other.press(card, 'Send again');
    await card.locator('.outcome .repeat', { hasText: 'placed nothing new' }).waitFor();
    await card.locator('.number', { hasText: /^\d{8}-/ }).waitFor();
    await other.close();
  });

  it('is one shop in many tabs: each has the orders of all, and one that is not looked at holds no connection', async () => {
    const one = await ShopPage.open(browser, shop.url);
    const other = await one.openTab();
    const orderNos: string[] = [];
    for (const tab of [one, other]) {
      orderNos.push(await (await tab.place()).locator('.number').innerText());
    }
    for (const tab of [one, other]) {
      for (const orderNo of orderNos) await tab.card(orderNo).waitFor();
    }
    const card = other.card(orderNos[1]!);
    await other.press(card, 'Pay');
    await one.look(false);
    // A browser has six connections to a server.
    for (let count = 3; count <= 7; count += 1) await (await one.openTab()).look(false);
    await other.hearsOf(card, everybody);
    await one.look(true);
    const inOne = one.card(orderNos[1]!);
    await inOne.getByRole('button', { expanded: false }).click();
    await one.hearsOf(inOne, everybody);
    await one.page.reload();
    for (const orderNo of orderNos) await one.card(orderNo).waitFor();
    expect([...one.complaints, ...other.complaints]).toEqual([]);
    await one.close();
  });

  it('takes an order while the broker is stopped, and brings it to its end when it runs again', async () => {
    await shop.turn('broker', 'stopped');
    await shop.page.locator('#health [data-part=broker][data-state=down]').waitFor();
    const card = await shop.place();
    await shop.press(card, 'Pay');
    await card.locator('.outcome .said', { hasText: 'has begun' }).waitFor();
    expect(await card.getAttribute('data-status')).toBe('PENDING');
    await shop.turn('broker', 'running');
    await shop.hearsOf(card, everybody);
    await shop.reaches(card, 'SHIPPED');
    await shop.page.locator('#health [data-part=broker][data-state=up]').waitFor();
    seen.push('an order placed without a broker, shipped when it was back');
  });

  it('shows the dead letters of a stopped coupon database, and gives them back', async () => {
    const { page } = shop;
    // Those of the demo's own outage have been delivered since, and are only kept.
    await shop.showTab('Queues');
    const group = page.locator('[data-group=coupon-on-order-paid]');
    await group.click();
    await shop.press(page.locator('#dead-letters'), 'Redrive all');
    await group.locator('.count').getByText('0', { exact: true }).waitFor();
    await shop.showTab('Shop');
    await shop.turn('couponDatabase', 'stopped');
    const card = await shop.place();
    const orderNo = await card.locator('.number').innerText();
    await shop.press(card, 'Pay');
    await shop.showTab('Queues');
    const letter = page.locator('.letters li', { hasText: orderNo });
    await letter.locator('pre', { hasText: orderNo }).waitFor();
    seen.push(`a dead letter: ${await letter.locator('.reason').innerText()}`);
    await shop.showTab('Shop');
    await shop.turn('couponDatabase', 'running');
    await shop.showTab('Queues');
    await shop.press(page.locator('#dead-letters'), 'Redrive all');
    await page.locator('#dead-letters .said', { hasText: 'given back to' }).waitFor();
    await letter.waitFor({ state: 'detached' });
    await shop.showTab('Shop');
    await shop.hearsOf(card, ['coupon']);
  });

  it('shows a flash sale live, and the queues it goes through; nothing moves of its own accord', async () => {
    const { page } = shop;
    await shop.showTab('Queues');
    await page.locator('#sale-stock').fill('100');
    await page.locator('#sale-customers').fill('20');
    await page.locator('#sale-seconds').fill('20');
    await shop.record('.sale-curve');
    await shop.press(page.locator('#sale'), 'Open the sale');
    await page.locator('#sale .outcome .said', { hasText: 'is open' }).waitFor();
    await shop.press(page.locator('#sale'), 'Open the sale');
    await page.locator('#sale .outcome .problem', { hasText: '409 Conflict' }).waitFor();
    await shop.hasShown(/ordered\/s [\d.,]*[1-9]/);
    // Not for ever: what is not paid comes back.
    await shop.hasShown(/: 0 of 100 pieces left/);
    await page.locator('#topics tbody th').getByText('FLASH_ORDERS', { exact: true }).waitFor();
    const groups = page.locator('#groups');
    // Rows change places when their figures do, in a table that was sorted by them: as the user has asked.
    expect(await shop.moved()).toEqual([]);
    await groups.getByRole('button', { name: 'Lag' }).click();
    expect(await groups.locator('th[aria-sort=descending]').innerText()).toBe('Lag');
    await groups.getByRole('button', { name: 'flashsale-place-orders', exact: true }).click();
    await groups.locator('.lags tbody tr').first().waitFor();
    seen.push(await page.locator('.sale-state').innerText());
  });

  it('complains of nothing, and asks nobody but its own process', () => {
    expect(shop.complaints).toEqual([]);
  });

  it.each([
    [390, 844],
    [320, 568],
  ])(
    'is used by keyboard alone, on a screen of %i × %i, in the dark, with no sideways scrolling',
    async (width, height) => {
      const narrow = await ShopPage.open(browser, shop.url, {
        viewport: { width, height },
        colorScheme: 'dark',
        reducedMotion: 'reduce',
      });
      const { page } = narrow;
      await page.keyboard.press('Tab');
      expect(await narrow.focused()).toBe('tab-shop');
      expect(await narrow.overhang()).toBeLessThanOrEqual(0);
      await page.keyboard.press('ArrowRight');
      expect(await narrow.focused()).toBe('tab-queues');
      await page.locator('#queues').waitFor();
      expect(await page.locator('#shop').isVisible()).toBe(false);
      await page.locator('#groups tbody tr').first().waitFor();
      expect(await narrow.overhang()).toBeLessThanOrEqual(0);
      await page.keyboard.press('Home');
      expect(await narrow.focused()).toBe('tab-shop');
      await page.getByRole('button', { name: 'Place order' }).focus();
      await page.keyboard.press('Enter');
      await page.locator('.order .number', { hasText: /^\d{8}-/ }).waitFor();
      expect(await narrow.moved()).toEqual([]);
      expect(narrow.complaints).toEqual([]);
      await narrow.close();
    },
  );

  // MILLRACE_PICTURES=folder: how the page looks now goes there.
  const pictures = process.env['MILLRACE_PICTURES'];
  if (pictures !== undefined) {
    it('has its picture taken', () => shop.takePictures(resolve(root, pictures)));
  }

  it('says so when its process is gone, and keeps what it has', async () => {
    demo.signal('SIGINT');
    await shop.page.locator('#connection[data-state=broken]').waitFor();
    expect(await shop.page.locator('#connection').innerText()).toMatch(
      /Not connected.* is of \d\d:/,
    );
    expect(await shop.page.locator('#topics tbody tr').count()).toBeGreaterThan(0);
    expect(await demo.ended).toEqual({ code: 0, signal: null });
  });
});
