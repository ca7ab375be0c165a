import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceUrls } from './services.ts';

const requestTimeoutMs = 20_000;
const refusedPauseMs = 100;
/** How often a customer comes back to a shop that says "not just now". */
const maxRefusals = 600;
/** A broken run ends here; on an official broker, with its longer pauses, a good one takes some time, too. */
const waitTimeoutMs = 180_000;

/** Payments whose refunds the channel is to fail at, at a time. */
const maxFailingRefunds = 50;

interface Answer {
  status: number;
  text: string;
}

/** The shop has said no, or "not just now" too often. */
class Refusal extends Error {
  readonly status: number;

  constructor(url: string, { status, text }: Answer) {
    super(`POST ${url} answers ${status}: ${text}`);
    this.status = status;
  }
}

export interface OrderView {
  orderNo: string;
  status: string;
  paymentNo?: string;
}

/** The shop as its customers and its staff use it, over HTTP. Who is told "not just now" (503) comes back with the same key. */
export class ShopClient {
  readonly #urls: ServiceUrls;
  readonly #failingRefunds = new Map<string, number>();
  #refusedCount = 0;

  constructor(urls: ServiceUrls) {
    this.#urls = urls;
  }

  /** How often the shop has said "not just now". */
  get refusedCount(): number {
    return this.#refusedCount;
  }

  /** `twice`: sends the request again, as if the answer had been lost. */
  async place(
    order: { userId: string; items: readonly object[]; couponCode?: string },
    twice: boolean,
  ): Promise<string> {
    const { orderNo } = await this.#keyed<{ orderNo: string }>(
      `${this.#urls.order}/orders`,
      order,
      twice,
      'orderNo',
    );
    return orderNo;
  }

  async pay(orderNo: string, twice: boolean): Promise<string> {
    const { paymentNo } = await this.#keyed<{ paymentNo: string }>(
      `${this.#urls.payment}/payments`,
      { orderNo },
      twice,
      'paymentNo',
    );
    return paymentNo;
  }

  /** For somebody who may come late. Undefined: the order was closed before, and cannot be paid any more. */
  async payInTime(orderNo: string, twice: boolean): Promise<string | undefined> {
    try {
      return await this.pay(orderNo, twice);
    } catch (error) {
      if (error instanceof Refusal && error.status === 409) return undefined;
      throw error;
    }
  }

  async refund(orderNo: string, items: readonly object[] | undefined): Promise<string> {
    const { refundNo } = await this.#keyed<{ refundNo: string }>(
      `${this.#urls.order}/orders/${orderNo}/refunds`,
      items === undefined ? {} : { items },
      false,
      'refundNo',
    );
    return refundNo;
  }

  /** Tries what the shop must refuse with 409, and returns what it says. */
  async refused(service: keyof ServiceUrls, path: string, body: object): Promise<string> {
    const url = `${this.#urls[service]}${path}`;
    const answer = await this.#post(url, body, { 'idempotency-key': randomUUID() });
    if (answer.status !== 409) {
      throw new Error(`POST ${url} answers ${answer.status}, it must be 409: ${answer.text}`);
    }
    return (JSON.parse(answer.text) as { detail: string }).detail;
  }

  order(orderNo: string): Promise<OrderView> {
    return this.#get<OrderView>(`${this.#urls.order}/orders/${orderNo}`);
  }

  /** Waits until the order has one of these statuses. */
  async untilOrderIs(orderNo: string, ...statuses: readonly string[]): Promise<OrderView> {
    return this.#until(
      () => this.order(orderNo),
      ({ status }) => statuses.includes(status),
      `order ${orderNo} to be ${statuses.join(' or ')}`,
    );
  }

  /** The code of the coupon that an order has earned. */
  async couponOf(orderNo: string): Promise<string> {
    const { items } = await this.#until(
      () =>
        this.#get<{ items: { code: string }[] }>(`${this.#urls.coupon}/coupons?orderNo=${orderNo}`),
      (found) => found.items.length > 0,
      `the coupon of order ${orderNo}`,
    );
    return items[0]!.code;
  }

  /** The warehouse: once it knows what a refund means for the parcel, goods that have left come back, and it says so. */
  async bringBack(orderNo: string, refundNo: string): Promise<void> {
    interface Shipment {
      shipmentNo: string;
      returns: { refundNo: string; status: string }[];
    }
    const url = `${this.#urls.warehouse}/shipments`;
    const statusIn = ({ items }: { items: Shipment[] }): string | undefined =>
      items[0]?.returns.find((each) => each.refundNo === refundNo)?.status;
    const found = await this.#until(
      () => this.#get<{ items: Shipment[] }>(`${url}?orderNo=${orderNo}`),
      (shipments) => statusIn(shipments) !== undefined,
      `the warehouse to hear of refund ${refundNo}`,
    );
    if (statusIn(found) !== 'AWAITED') return;
    await this.#insist(`${url}/${found.items[0]!.shipmentNo}/return-receipts`, { refundNo }, {});
  }

  /** Lets the channel fail so often at giving this payment's money back. */
  async failRefundsOf(paymentNo: string, count: number): Promise<void> {
    // The third party is told all of them each time: what it is told replaces what it was told, and it takes 100 at most.
    // The oldest have had their failures long ago.
    this.#failingRefunds.set(paymentNo, count);
    const [oldest] = this.#failingRefunds.keys();
    if (this.#failingRefunds.size > maxFailingRefunds) this.#failingRefunds.delete(oldest!);
    const failRefundsOf = Object.fromEntries(this.#failingRefunds);
    const url = `${this.#urls['third-party']}/behaviour`;
    const response = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ channel: { failRefundsOf } }),
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`PUT ${url} answers ${response.status}: ${text}`);
  }

  /** A number from a service's metrics, summed over all its labels. */
  async metric(service: keyof ServiceUrls, name: string, label = ''): Promise<number> {
    const response = await fetch(`${this.#urls[service]}/metrics`, {
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    return (await response.text())
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) && line.includes(label))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** One key for the request and its repetition: both must make the same thing. */
  async #keyed<T extends Readonly<Record<string, string>>>(
    url: string,
    body: object,
    twice: boolean,
    number: keyof T,
  ): Promise<T> {
    const headers = { 'idempotency-key': randomUUID() };
    const made = JSON.parse(await this.#insist(url, body, headers)) as T;
    if (typeof made[number] !== 'string') throw new Error(`POST ${url} answers no number`);
    if (!twice) return made;
    const again = JSON.parse(await this.#insist(url, body, headers)) as T;
    if (again[number] === made[number]) return made;
    throw new Error(
      `one Idempotency-Key stands for two of ${url}: ${made[number]}, ${again[number]}`,
    );
  }

  async #insist(
    url: string,
    body: object,
    headers: Readonly<Record<string, string>>,
  ): Promise<string> {
    for (let refusals = 0; ; refusals += 1) {
      const { status, text } = await this.#post(url, body, headers);
      if (status >= 200 && status < 300) return text;
      if (status !== 503 || refusals === maxRefusals) throw new Refusal(url, { status, text });
      this.#refusedCount += 1;
      await delay(refusedPauseMs);
    }
  }

  /** A shop that does not answer at all is one that says "not just now". */
  async #post(
    url: string,
    body: object,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(requestTimeoutMs),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      return { status: 503, text: String(error) };
    }
  }

  async #get<T>(url: string): Promise<T> {
    for (let refusals = 0; ; refusals += 1) {
      const found = await this.#tryGet(url);
      if ('value' in found) return found.value as T;
      if (refusals === maxRefusals) throw new Error(`GET ${url}: ${found.problem}`);
      await delay(refusedPauseMs);
    }
  }

  async #tryGet(url: string): Promise<{ value: unknown } | { problem: string }> {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(requestTimeoutMs) });
      const text = await response.text();
      if (response.ok) return { value: JSON.parse(text) as unknown };
      return { problem: `${response.status}: ${text}` };
    } catch (error) {
      return { problem: String(error) };
    }
  }

  async #until<T>(
    look: () => Promise<T>,
    isThere: (found: T) => boolean,
    what: string,
  ): Promise<T> {
    const deadline = performance.now() + waitTimeoutMs;
    for (;;) {
      const found = await look();
      if (isThere(found)) return found;
      if (performance.now() > deadline) {
        throw new Error(`waited ${waitTimeoutMs / 1_000} s for ${what}`);
      }
      await delay(50);
    }
  }
}
