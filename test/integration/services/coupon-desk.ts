import { randomInt, randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import type { TestBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import type { RunningService } from './shop.ts';

export interface Wish {
  code: string;
  orderNo: string;
  userId: string;
  transactionKey: string;
}

export const newOrderNo = (): string => `20261130-${randomUUID().slice(0, 12).toUpperCase()}`;

/** A coupon worth 69 of an earlier order, for tests that do not care how it was earned. */
export async function issued(
  coupon: RunningService,
  { userId = 'user-1', expiresAt = new Date('2099-01-01T00:00:00Z') } = {},
): Promise<string> {
  const code = Array.from({ length: 16 }, () => 'ABCDEFGH23456789'[randomInt(16)]).join('');
  await coupon.query(
    `INSERT INTO coupons (code, order_no, user_id, amount_minor, currency, issued_at, expires_at)
       VALUES (?, ?, ?, 69, 'EUR', UTC_TIMESTAMP(3), ?)`,
    [code, newOrderNo(), userId, expiresAt],
  );
  return code;
}

export function wishFor(code: string): Wish {
  return { code, orderNo: newOrderNo(), userId: 'user-1', transactionKey: randomUUID() };
}

/** The status, and the code where it is a refusal. */
export async function outcomeOf(answer: Promise<Response>): Promise<string> {
  const response = await answer;
  const { code, status } = (await response.json()) as { code?: string; status?: unknown };
  return typeof status === 'number' ? `${response.status} ${code}` : String(response.status);
}

export const redeem = (coupon: RunningService, wish: object): Promise<string> =>
  outcomeOf(coupon.post('/redemptions', wish));

export const release = (coupon: RunningService, orderNo: string): Promise<string> =>
  outcomeOf(coupon.post(`/redemptions/${orderNo}/release`, {}));

/** A coupon, and the order that uses it. */
export async function redeemed(coupon: RunningService, code?: string): Promise<Wish> {
  const wish = wishFor(code ?? (await issued(coupon)));
  expect(await redeem(coupon, wish)).toBe('200');
  return wish;
}

/** Where a coupon is, by its view: `REDEEMED by 4711`. */
export async function whereIs(coupon: RunningService, code: string): Promise<string> {
  const answer = await coupon.get(`/coupons/${code}`);
  expect(answer.status).toBe(200);
  const view = (await answer.json()) as { status: string; redeemedByOrderNo: string | null };
  return view.redeemedByOrderNo === null
    ? view.status
    : `${view.status} by ${view.redeemedByOrderNo}`;
}

/** The redemption of an order, as a row: `HELD`, `HELD, known`. */
export async function redemptionOf(
  coupon: RunningService,
  orderNo: string,
): Promise<string | undefined> {
  const [row] = await coupon.query<{ status: string; is_order_known: number }>(
    'SELECT status, is_order_known FROM redemptions WHERE order_no = ?',
    [orderNo],
  );
  return row && `${row.status}${row.is_order_known === 1 ? ', known' : ''}`;
}

/** Coupons that the two tables do not say the same of: none, ever. */
export function contradictory(coupon: RunningService): Promise<unknown[]> {
  return coupon.query(`
    SELECT coupons.code, redeemed_by_order_no, redemptions.order_no FROM coupons
      LEFT JOIN redemptions ON redemptions.code = coupons.code AND redemptions.status <> 'RELEASED'
     WHERE NOT (redeemed_by_order_no <=> redemptions.order_no)`);
}

/** Why the message with this key is a dead letter of the group. Waits for it. */
export async function reasonOfDeadLetter(
  broker: TestBroker,
  group: string,
  key: string,
): Promise<string | undefined> {
  const letter = await until(
    async () => (await broker.dlq(group)).find(({ keys }) => keys.includes(key)),
    { what: `the dead letter ${key} of ${group}` },
  );
  return letter.properties.get('DLQ_REASON');
}
