import { createHmac } from 'node:crypto';

const validS = 3_600;

/** What a customer gets from the shop's log-in, for an hour. The form is that of services/contracts/customer-token.ts. */
export function logIn(userId: string, secret: string, nowMs = Date.now()): string {
  const claims = `${userId}.${Math.floor(nowMs / 1_000) + validS}`;
  return `${claims}.${createHmac('sha256', secret).update(claims).digest('base64url')}`;
}
