import { expect, it } from '@jest/globals';
import { logIn } from '../../../infra/demo/customer-token.ts';
import { verifyCustomerToken } from '../../../services/contracts/customer-token.ts';

const secret = 'a secret of the shop';
const nowMs = Date.parse('2026-11-30T12:00:00.000Z');

it('the demo logs customers in as the services understand it, for an hour', () => {
  const bearer = `Bearer ${logIn('user-7', secret, nowMs)}`;
  expect(verifyCustomerToken(bearer, secret, nowMs + 3_599_000).userId).toBe('user-7');
  expect(() => verifyCustomerToken(bearer, secret, nowMs + 3_600_000)).toThrow('expired');
});
