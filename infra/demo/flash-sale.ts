import { setTimeout as delay } from 'node:timers/promises';
import type { Step } from '../command.ts';
import type { DemoOrder } from './life-of-an-order.ts';
import type { OrderKind } from './plan.ts';
import type { SaleClient } from './sale-client.ts';
import type { ShopClient } from './shop-client.ts';

const terms = { sku: 'GRINDER-HAND', stock: 15, perUserLimit: 1, durationMs: 600_000 };
const customerCount = 40;

/** How often somebody asks who was turned away and hopes that a piece comes back. */
const askAgainMs = 250;
/** The piece of an order that is not paid comes back when the order is closed; on an official broker that takes some time, too. */
const pieceBackTimeoutMs = 180_000;

/** What became of the demo's flash sale, as its customers know it. */
export interface SaleRun {
  saleId: string;
  /** Of everybody who was admitted; the ticket's number is the order's. */
  orders: readonly DemoOrder[];
  turnedAway: number;
  /** Pieces that came back because their orders were not paid. */
  returned: number;
}

/**
 * 40 customers want one of 15 pieces, all at once. All who get one pay, but for one: his order is closed, his piece goes back to
 * the sale, and somebody who was turned away buys it.
 */
export function runFlashSale(step: Step, sales: SaleClient, shop: ShopClient): Promise<SaleRun> {
  return step('flash sale', async (say) => {
    const saleId = await sales.open(terms);
    const [early, ...crowd] = Array.from(
      { length: customerCount },
      (_, index) => `sale-user-${index + 1}`,
    );
    const hesitant = await comeEarly(sales, saleId, early!);
    const answers = await Promise.all(
      crowd.map(async (userId) => ({ userId, answer: await sales.ask(saleId, userId) })),
    );
    const others = answers.flatMap(({ userId, answer }) =>
      answer.kind === 'admitted' ? [{ userId, ticketNo: answer.ticketNo }] : [],
    );
    const turnedAway = answers.flatMap(({ userId, answer }) =>
      answer.kind === 'refused' && answer.code === 'SALE.SOLD_OUT' ? [userId] : [],
    );
    const [next] = turnedAway;
    const pieces = `${terms.stock} pieces for ${customerCount} customers`;
    const counts = `${pieces}: ${others.length + 1} admitted, ${turnedAway.length} turned away`;
    say(counts);
    if (next === undefined || others.length + 1 !== terms.stock) throw new Error(counts);
    await refusals(sales, hesitant, next);
    const [left, late, ...paid] = await Promise.all([
      leave(sales, shop, hesitant),
      buyWhatComesBack(sales, shop, saleId, next),
      ...others.map((customer) => pay(sales, shop, customer)),
    ]);
    say(`${pieces}: ${paid.length} paid; one did not, and his piece was bought by another`);
    return { saleId, orders: [left, late, ...paid], turnedAway: turnedAway.length, returned: 1 };
  });
}

interface Admitted {
  userId: string;
  ticketNo: string;
}

/** The first customer gets a piece, and no second one. */
async function comeEarly(sales: SaleClient, saleId: string, userId: string): Promise<Admitted> {
  const first = await sales.ask(saleId, userId);
  if (first.kind === 'refused') throw new Error(`the first customer is refused: ${first.code}`);
  const second = await sales.ask(saleId, userId);
  if (second.kind === 'admitted') throw new Error(`${userId} gets a second piece, the limit is 1`);
  if (second.code !== 'SALE.ALREADY_BOUGHT') {
    throw new Error(`a second piece is refused as ${second.code}, it must be SALE.ALREADY_BOUGHT`);
  }
  return { userId, ticketNo: first.ticketNo };
}

/** What must be refused is refused: somebody else's ticket, a token that nobody has signed. */
async function refusals(
  sales: SaleClient,
  { userId, ticketNo }: Admitted,
  other: string,
): Promise<void> {
  const theirs = await sales.statusOf(ticketNo, sales.tokenOf(other));
  if (theirs !== 404) throw new Error(`${other} gets ${theirs} for the ticket of ${userId}`);
  const forged = `${sales.tokenOf(userId).slice(0, -43)}${'A'.repeat(43)}`;
  const unsigned = await sales.statusOf(ticketNo, forged);
  if (unsigned !== 401) throw new Error(`a forged token gets ${unsigned}, it must be 401`);
}

async function pay(sales: SaleClient, shop: ShopClient, admitted: Admitted): Promise<DemoOrder> {
  const order = await orderOf(sales, admitted, 'paid');
  return { ...order, paymentNo: await shop.pay(order.orderNo, false) };
}

async function leave(sales: SaleClient, shop: ShopClient, admitted: Admitted): Promise<DemoOrder> {
  const order = await orderOf(sales, admitted, 'unpaid');
  await shop.untilOrderIs(order.orderNo, 'CANCELLED');
  return order;
}

async function buyWhatComesBack(
  sales: SaleClient,
  shop: ShopClient,
  saleId: string,
  userId: string,
): Promise<DemoOrder> {
  const deadline = performance.now() + pieceBackTimeoutMs;
  for (;;) {
    const answer = await sales.ask(saleId, userId);
    if (answer.kind === 'admitted') {
      return pay(sales, shop, { userId, ticketNo: answer.ticketNo });
    }
    if (performance.now() > deadline) {
      throw new Error(
        `waited ${pieceBackTimeoutMs / 1_000} s for a piece to come back to sale ${saleId}`,
      );
    }
    await delay(askAgainMs);
  }
}

/** The order that came of a ticket. Errors: none did, as the customer was told. */
async function orderOf(
  sales: SaleClient,
  { userId, ticketNo }: Admitted,
  kind: Extract<OrderKind, 'paid' | 'unpaid'>,
): Promise<DemoOrder> {
  const { status, code } = await sales.outcomeOf(ticketNo, userId);
  if (status !== 'ORDERED') {
    throw new Error(`ticket ${ticketNo} is ${status} (${code ?? 'no code'}), it must be ORDERED`);
  }
  const items = [{ sku: terms.sku, quantity: 1 }];
  const plan = { number: 0, kind, userId, items, isImpatient: false, isPartial: false };
  return { plan: { ...plan, couponOf: undefined }, orderNo: ticketNo };
}
