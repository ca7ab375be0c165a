import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Audit, OrderWay } from '../audit.ts';
import type { ServiceUrls } from './topology.ts';

export const orderCount = 20;

/** Buyers that place orders at the same time. */
const buyerCount = 4;
/** A broken run ends here; a good one takes a second or two, with a killed broker some more. */
const effectsTimeoutMs = 60_000;
const requestTimeoutMs = 20_000;

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

/**
 * Places and pays the demo's orders over HTTP, as buyers do, and returns their numbers.
 *
 * Every fourth buyer is impatient and sends each request twice, with the same Idempotency-Key: it must not double
 * anything. `onPlaced` hears how many orders have been placed so far.
 */
export async function placeOrders(
  urls: ServiceUrls,
  onPlaced: (count: number) => void,
): Promise<string[]> {
  const orderNos: string[] = [];
  let next = 0;
  const buy = async (): Promise<void> => {
    while (next < orderCount) {
      const index = next;
      next += 1;
      const attempts = index % 4 === 3 ? 2 : 1;
      const orderNo = await placeOne(urls, index, attempts);
      orderNos.push(orderNo);
      onPlaced(orderNos.length);
      for (let attempt = 0; attempt < attempts; attempt += 1) {
        await post(`${urls.order}/orders/${orderNo}/pay`, {});
      }
    }
  };
  await Promise.all(Array.from({ length: buyerCount }, buy));
  return orderNos;
}

async function placeOne(urls: ServiceUrls, index: number, attempts: number): Promise<string> {
  const headers = { 'idempotency-key': randomUUID() };
  const body = { userId: `user-${index + 1}`, items: baskets[index % baskets.length] };
  const answers = new Set<string>();
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { orderNo } = await post(`${urls.order}/orders`, headers, body);
    if (orderNo === undefined) throw new Error(`POST ${urls.order}/orders answers no orderNo`);
    answers.add(orderNo);
  }
  const [orderNo, ...others] = answers;
  if (orderNo === undefined || others.length > 0) {
    throw new Error(`one Idempotency-Key stands for several orders: ${[...answers].join(', ')}`);
  }
  return orderNo;
}

async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body?: unknown,
): Promise<{ orderNo?: string }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(requestTimeoutMs),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${url} answers ${response.status}: ${text}`);
  return JSON.parse(text) as { orderNo?: string };
}

/** Waits until the databases hold every effect of these orders, or for so long that something must be lost. */
export async function waitForEffects(
  audit: Audit,
  orderNos: readonly string[],
): Promise<OrderWay[]> {
  const deadline = performance.now() + effectsTimeoutMs;
  for (;;) {
    const ways = await audit.ways(orderNos);
    const isComplete = ways.every(({ lost }) => lost.length === 0);
    if (isComplete || performance.now() > deadline) return ways;
    await delay(50);
  }
}
