import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceUrls } from './services.ts';

/** What one order of the demo is to become. */
export interface OrderPlan {
  number: number;
  isPaid: boolean;
  /** Sends each request twice, with the same Idempotency-Key: it must not double anything. */
  isImpatient: boolean;
}

const requestTimeoutMs = 20_000;
const refusedPauseMs = 100;
/** How often a buyer comes back to a shop that says "not just now". */
const maxRefusals = 300;

const baskets = [
  [{ sku: 'TEA-GREEN-100', quantity: 2 }],
  [
    { sku: 'COFFEE-250', quantity: 1 },
    { sku: 'FILTER-40', quantity: 3 },
  ],
  [{ sku: 'MUG-BLUE', quantity: 4 }],
  [
    { sku: 'POT-GLASS', quantity: 1 },
    { sku: 'HONEY-500', quantity: 1 },
  ],
];

interface Answer {
  status: number;
  text: string;
}

/** Orders over HTTP as people do: who is told "not just now" (503) comes back with the same Idempotency-Key. */
export class Buyer {
  readonly #urls: ServiceUrls;
  readonly #onRefused: () => void;

  constructor(urls: ServiceUrls, onRefused: () => void = () => undefined) {
    this.#urls = urls;
    this.#onRefused = onRefused;
  }

  async place({ number, isImpatient }: OrderPlan): Promise<string> {
    const headers = { 'idempotency-key': randomUUID() };
    const body = { userId: `user-${number}`, items: baskets[number % baskets.length] };
    const url = `${this.#urls.order}/orders`;
    const answers = new Set<string>();
    for (let attempt = 0; attempt < (isImpatient ? 2 : 1); attempt += 1) {
      const { orderNo } = JSON.parse(await this.#insist(url, headers, body)) as {
        orderNo?: string;
      };
      if (orderNo === undefined) throw new Error(`POST ${url} answers no orderNo`);
      answers.add(orderNo);
    }
    const [orderNo, ...others] = answers;
    if (orderNo === undefined || others.length > 0) {
      throw new Error(`one Idempotency-Key stands for several orders: ${[...answers].join(', ')}`);
    }
    return orderNo;
  }

  async pay(orderNo: string, { isImpatient }: OrderPlan): Promise<void> {
    for (let attempt = 0; attempt < (isImpatient ? 2 : 1); attempt += 1) {
      await this.#insist(`${this.#urls.order}/orders/${orderNo}/pay`, {});
    }
  }

  /** Tries to pay an order that cannot be paid any more; the shop must say so. */
  async payTooLate(orderNo: string): Promise<string> {
    const url = `${this.#urls.order}/orders/${orderNo}/pay`;
    const { status, text } = await post(url, {});
    if (status !== 409) throw new Error(`POST ${url} answers ${status}, it must be 409: ${text}`);
    const { detail } = JSON.parse(text) as { detail: string };
    return detail;
  }

  async #insist(
    url: string,
    headers: Readonly<Record<string, string>>,
    body?: unknown,
  ): Promise<string> {
    for (let refusals = 0; ; refusals += 1) {
      const { status, text } = await post(url, headers, body);
      if (status >= 200 && status < 300) return text;
      if (status !== 503 || refusals === maxRefusals) {
        throw new Error(`POST ${url} answers ${status}: ${text}`);
      }
      this.#onRefused();
      await delay(refusedPauseMs);
    }
  }
}

async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body?: unknown,
): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(requestTimeoutMs),
  });
  return { status: response.status, text: await response.text() };
}
