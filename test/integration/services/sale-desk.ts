import { expect } from '@jest/globals';
import { signCustomerToken } from '../../../services/contracts/customer-token.ts';
import { SaleState } from '../../../services/flashsale/redis/sale-state.ts';
import { FakePeer } from './fake-peer.ts';
import {
  CUSTOMER_TOKEN_SECRET,
  startService,
  type RunningService,
  type StartOptions,
} from './shop.ts';

/** A stock service that has a thousand of everything. */
export async function wellStocked(): Promise<FakePeer> {
  const peer = await FakePeer.start();
  peer.answer('GET /stock/:orderNo', ({ path }) => ({
    status: 200,
    body: { sku: path.split('/')[2], available: 1_000, reserved: 0, sold: 0 },
  }));
  return peer;
}

/** A gate, which limits nobody unless it is told to. */
export function startGate(stock: FakePeer, options: StartOptions = {}): Promise<RunningService> {
  return startService('flashsale', {
    ...options,
    env: {
      FLASHSALE_ROLE: 'gate',
      FLASHSALE_USER_RATE_PER_S: '0',
      FLASHSALE_ADDRESS_RATE_PER_S: '0',
      STOCK_URL: stock.url,
      OUTBOX_POLL_MS: '50',
      ...options.env,
    },
  });
}

export function bearer(userId: string, expiresInS = 60): { authorization: string } {
  const expiresAtS = Math.ceil(Date.now() / 1_000) + expiresInS;
  return {
    authorization: `Bearer ${signCustomerToken({ userId, expiresAtS }, CUSTOMER_TOKEN_SECRET)}`,
  };
}

export interface Terms {
  sku: string;
  stock: number;
  perUserLimit: number;
  startsAt: string;
  endsAt: string;
}

/** Of a sale that goes on for an hour, unless it is said otherwise. */
export function termsOf(other: Partial<Terms> = {}): Terms {
  return {
    sku: 'GRINDER-HAND',
    stock: 10,
    perUserLimit: 1,
    startsAt: new Date(Date.now() - 1_000).toISOString(),
    endsAt: new Date(Date.now() + 3_600_000).toISOString(),
    ...other,
  };
}

/** Opens a sale, and returns its id. */
export async function opened(gate: RunningService, other: Partial<Terms> = {}): Promise<string> {
  const answer = await gate.post('/flash-sales', termsOf(other));
  expect(answer.status).toBe(201);
  const { saleId } = (await answer.json()) as { saleId: string };
  expect(answer.headers.get('location')).toBe(`/flash-sales/${saleId}`);
  return saleId;
}

export interface Ordered {
  /** `202`, or `409 SALE.SOLD_OUT`. */
  outcome: string;
  ticketNo: string;
  answer: Response;
}

export async function order(
  gate: RunningService,
  saleId: string,
  userId: string,
): Promise<Ordered> {
  const answer = await gate.post(`/flash-sales/${saleId}/orders`, undefined, bearer(userId));
  const { code, ticketNo = '' } = (await answer.json()) as { code?: string; ticketNo?: string };
  const outcome = code === undefined ? String(answer.status) : `${answer.status} ${code}`;
  return { outcome, ticketNo, answer };
}

/** The ticket of a customer who must be admitted. */
export async function ticketOf(
  gate: RunningService,
  saleId: string,
  userId: string,
): Promise<string> {
  const { outcome, ticketNo } = await order(gate, saleId, userId);
  expect(outcome).toBe('202');
  return ticketNo;
}

/** As the keeper does when it knows what has become of a ticket. */
export async function settle(
  gate: RunningService,
  saleId: string,
  ticket: { ticketNo: string; userId: string },
  status: 'ORDERED' | 'REFUSED' | 'RETURNED' | 'VOID',
  more: { code?: string; reason?: string } = {},
): Promise<void> {
  const forgetAtMs = Date.now() + 3_600_000;
  await gate.app.get(SaleState).settle(saleId, [{ ...ticket, status, ...more }], forgetAtMs);
}

export async function remainingOf(gate: RunningService, saleId: string): Promise<number> {
  return (await gate.app.get(SaleState).read(saleId)).remaining;
}
