import { join } from 'node:path';
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  Locator,
  Page,
} from 'playwright-core';
import { until } from './deadline.ts';

/** A bound on a broken run: a broker that was dead, a service that had to retry, on a machine that is slow and busy. */
const patienceMs = 120_000;

/** The shop page in a browser, as its user sees it, and what the user does not: what moved, failed, or went elsewhere. */
export class ShopPage {
  /** What the page should not have said, and where it should not have asked. */
  readonly complaints: string[] = [];
  readonly page: Page;
  readonly url: string;

  private constructor(page: Page, url: string) {
    this.page = page;
    this.url = url;
  }

  static async open(
    browser: Browser,
    url: string,
    options: BrowserContextOptions = {},
  ): Promise<ShopPage> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      ...options,
    });
    return await ShopPage.#openIn(context, url);
  }

  static async #openIn(context: BrowserContext, url: string): Promise<ShopPage> {
    const page = await context.newPage();
    page.setDefaultTimeout(patienceMs);
    const shop = new ShopPage(page, url);
    page.on('pageerror', (error) => shop.complaints.push(error.message));
    page.on('console', (message) => {
      // The browser itself notes every answer that is a refusal; those of the shop are what is tested.
      const isRefusal = message.text().startsWith('Failed to load resource: the server responded');
      const isOfTheShop = message.location().url.startsWith(`${url}/api/`);
      if (message.type() === 'error' && !(isRefusal && isOfTheShop)) {
        shop.complaints.push(`${message.text()} (${message.location().url})`);
      }
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(`${url}/`) && !request.url().startsWith('data:')) {
        shop.complaints.push(`asks ${request.url()}`);
      }
    });
    await page.addInitScript({ path: join(import.meta.dirname, 'layout-shifts.js') });
    await page.goto(url);
    await shop.isLive();
    return shop;
  }

  /** Another tab of the same browser: what one keeps, the other has. */
  openTab(): Promise<ShopPage> {
    return ShopPage.#openIn(this.page.context(), this.url);
  }

  /** This tab, and all others of the same browser. */
  async close(): Promise<void> {
    await this.page.context().close();
  }

  /** As if the user had turned to another tab, or come back: without a screen, a browser takes all of them for seen. */
  async look(isSeen: boolean): Promise<void> {
    await this.page.evaluate(`
      Object.defineProperty(document, 'hidden', { value: ${!isSeen}, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    `);
  }

  async isLive(): Promise<void> {
    await this.page.locator('#connection[data-state=live]').waitFor();
    await this.page.locator('.goods li').first().waitFor();
  }

  /** Orders one of the first goods, and returns its card. */
  async place(): Promise<Locator> {
    await this.page.getByRole('button', { name: 'Place order' }).click();
    const card = this.page.locator('.order').first();
    await card.locator('.number', { hasText: /^\d{8}-/ }).waitFor();
    const orderNo = await card.locator('.number').innerText();
    return this.card(orderNo);
  }

  card(orderNo: string): Locator {
    return this.page.locator('.order', { has: this.page.getByText(orderNo, { exact: true }) });
  }

  async press(within: Locator, name: string): Promise<void> {
    await within.getByRole('button', { name, exact: true }).click();
  }

  /** Waits until a card's order has the status. */
  async reaches(card: Locator, status: string): Promise<void> {
    const [orderNo] = await card.locator('.number').allInnerTexts();
    await this.page
      .locator(`.order[data-status=${status}]`, { hasText: orderNo! })
      .waitFor({ timeout: 2 * patienceMs });
  }

  /** Waits until each of the services has told something of a card's order. */
  async hearsOf(card: Locator, services: readonly string[]): Promise<void> {
    for (const service of services) {
      const name = new RegExp(`^${service}$`);
      await card.locator('.timeline strong', { hasText: name }).first().waitFor();
    }
  }

  /** By the switch on the page; waits until it says so. */
  async turn(part: 'couponDatabase' | 'broker', state: 'running' | 'stopped'): Promise<void> {
    const toggle = this.page.locator(`#switch-${part}`);
    await toggle.click();
    await toggle.getByText(state, { exact: true }).waitFor();
  }

  async showTab(name: 'Shop' | 'Queues'): Promise<void> {
    await this.page.getByRole('tab', { name }).click();
  }

  /** Both tabs, light and dark, wide and narrow, as PNG files into a folder. */
  async takePictures(dir: string): Promise<void> {
    for (const [width, height] of [
      [1280, 900],
      [390, 844],
    ] as const) {
      for (const colorScheme of ['light', 'dark'] as const) {
        await this.page.setViewportSize({ width, height });
        await this.page.emulateMedia({ colorScheme });
        for (const tab of ['Shop', 'Queues'] as const) {
          await this.showTab(tab);
          const name = `${tab.toLowerCase()}-${colorScheme}-${width}.png`;
          await this.page.screenshot({ path: join(dir, name), fullPage: width < 600 });
        }
      }
    }
  }

  /** Notes every text of a place from now on, for `hasShown`: some stand for one second. */
  async record(selector: string): Promise<void> {
    await this.page.evaluate(`
      globalThis.recorded = [];
      const place = document.querySelector(${JSON.stringify(selector)});
      new MutationObserver(() => recorded.push(place.textContent))
        .observe(place, { childList: true, characterData: true, subtree: true });
    `);
  }

  async hasShown(pattern: RegExp): Promise<void> {
    // Not by `waitForFunction`, which the page's Content-Security-Policy forbids.
    await until(
      async () =>
        (await this.page.evaluate<string[]>('recorded')).some((text) => pattern.test(text)),
      { timeoutMs: patienceMs, pollMs: 100, what: `the page shows ${pattern}` },
    );
  }

  /** Everything that moved without the user having done anything, since the page was loaded; nothing: an empty list. */
  moved(): Promise<string[]> {
    return this.page.evaluate('moved');
  }

  /** How far the page is wider than the window. */
  overhang(): Promise<number> {
    return this.page.evaluate('document.documentElement.scrollWidth - innerWidth');
  }

  /** The id of what has the keyboard's focus. */
  focused(): Promise<string> {
    return this.page.evaluate('document.activeElement.id');
  }

  firstPaintMs(): Promise<number> {
    return this.page.evaluate(
      `performance.getEntriesByName('first-contentful-paint')[0]?.startTime`,
    );
  }

  /** Of all files the page consists of, not compressed. */
  bytes(): Promise<number> {
    return this.page.evaluate(
      `['navigation', 'resource']
         .flatMap((type) => performance.getEntriesByType(type))
         .filter(({ name }) => !name.includes('/api/'))
         .reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0)`,
    );
  }
}
