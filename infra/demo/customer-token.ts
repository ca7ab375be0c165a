import { signCustomerToken } from '@millrace/services/contracts/customer-token';

const validS = 3_600;

/** What a customer gets from the shop's log-in, for an hour. */
export function logIn(userId: string, secret: string, nowMs = Date.now()): string {
  return signCustomerToken({ userId, expiresAtS: Math.floor(nowMs / 1_000) + validS }, secret);
}
