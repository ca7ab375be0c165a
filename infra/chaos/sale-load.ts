import { setTimeout as delay } from 'node:timers/promises';
import type { SaleVerdict } from '../audit/audit.ts';
import type { Finding } from '../audit/finding.ts';
import type { DemoOrder } from '../demo/life-of-an-order.ts';
import type { Outcome, SaleClient } from '../demo/sale-client.ts';
import type { ShopClient } from '../demo/shop-client.ts';
import { SeededRandom } from '../seeded-random.ts';

const terms = { sku: 'GRINDER-HAND', stock: 20, perUserLimit: 1, durationMs: 3_600_000 };
/** Customers at the same time, each time somebody else. */
const customerCount = 4;
/** Of those who get a piece. */
const payingShare = 0.7;
/** Between somebody who was turned away and the next. */
const turnedAwayPauseMs = 100;

/** What a customer of a sale was told. */
export interface ToldTicket {
  ticketNo: string;
  userId: string;
  outcome: Outcome;
}

/** A flash sale to which customers come for as long as they are let in. Some do not pay, and their pieces are sold again. */
export class SaleLoad {
  readonly saleId: string;
  readonly #sales: SaleClient;
  readonly #shop: ShopClient;
  readonly #random: SeededRandom;
  readonly #told: ToldTicket[] = [];
  readonly #orders: DemoOrder[] = [];
  #isOpen = true;
  #userCount = 0;
  #customers: Promise<void>[] = [];

  private constructor(saleId: string, sales: SaleClient, shop: ShopClient, seed: number) {
    this.saleId = saleId;
    this.#sales = sales;
    this.#shop = shop;
    this.#random = new SeededRandom(seed);
  }

  /** Opens the sale and lets customers in. */
  static async open(sales: SaleClient, shop: ShopClient, seed: number): Promise<SaleLoad> {
    const load = new SaleLoad(await sales.open(terms), sales, shop, seed);
    load.#customers = Array.from({ length: customerCount }, () => load.#comeAndGo());
    // Awaited in `close`; until then a failure must not count as unhandled.
    for (const customer of load.#customers) customer.catch(() => undefined);
    return load;
  }

  /** Lets nobody in any more, and returns when all who were admitted know what has become of their tickets. */
  async close(): Promise<{ orders: readonly DemoOrder[]; told: readonly ToldTicket[] }> {
    this.#isOpen = false;
    await Promise.all(this.#customers);
    return { orders: this.#orders, told: this.#told };
  }

  async #comeAndGo(): Promise<void> {
    while (this.#isOpen) {
      this.#userCount += 1;
      const userId = `sale-user-${this.#userCount}`;
      const isPaying = this.#random.chance(payingShare);
      const answer = await this.#sales.ask(this.saleId, userId);
      if (answer.kind === 'refused') await delay(turnedAwayPauseMs);
      else await this.#buy(userId, answer.ticketNo, isPaying);
    }
  }

  async #buy(userId: string, ticketNo: string, isPaying: boolean): Promise<void> {
    const outcome = await this.#sales.outcomeOf(ticketNo, userId);
    this.#told.push({ ticketNo, userId, outcome });
    if (outcome.status !== 'ORDERED') return;
    const paymentNo = isPaying ? await this.#shop.payInTime(ticketNo, false) : undefined;
    const plan: DemoOrder['plan'] = {
      number: this.#told.length,
      kind: paymentNo === undefined ? 'unpaid' : 'paid',
      userId,
      items: [{ sku: terms.sku, quantity: 1 }],
      isImpatient: false,
      couponOf: undefined,
      isPartial: false,
    };
    this.#orders.push({ plan, orderNo: ticketNo, ...(paymentNo !== undefined && { paymentNo }) });
  }
}

/** What only the customers know: what they were told of their tickets must be what the ledger says. */
export function ticketFindings(
  told: readonly ToldTicket[],
  { tickets }: Pick<SaleVerdict, 'tickets'>,
): Finding[] {
  const ticketOf = new Map(tickets.map((ticket) => [ticket.ticketNo, ticket]));
  return told.flatMap(({ ticketNo, outcome }): Finding[] => {
    const { status, code } = ticketOf.get(ticketNo) ?? {};
    if (status === undefined || status === 'VOID') {
      return [{ orderNo: ticketNo, kind: 'lost', what: 'acknowledged ticket' }];
    }
    // What the gate has promised the ledger must not have to refuse.
    if (status === 'REFUSED' && code?.startsWith('SALE.') === true) {
      return [{ orderNo: ticketNo, kind: 'lost', what: `piece that was promised: ${code}` }];
    }
    // An order that is not paid is closed, whoever was told of it before.
    const isSame =
      status === outcome.status || (outcome.status === 'ORDERED' && status === 'RETURNED');
    if (isSame) return [];
    const what = `told ${outcome.status}, the ledger says ${status}`;
    return [{ orderNo: ticketNo, kind: 'wrong', what }];
  });
}
