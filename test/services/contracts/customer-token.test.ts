import { describe, expect, it } from '@jest/globals';
import {
  signCustomerToken,
  verifyCustomerToken,
} from '../../../services/contracts/customer-token.ts';

const SECRET = 'a-secret-for-tests-only';
const NOW_MS = 1_796_000_000_000;
const customer = { userId: 'ann.b@shop-1', expiresAtS: NOW_MS / 1_000 + 60 };
const token = signCustomerToken(customer, SECRET);

const refusalOf = (authorization: string | undefined, nowMs = NOW_MS): string => {
  try {
    verifyCustomerToken(authorization, SECRET, nowMs);
  } catch (error) {
    expect(error).toMatchObject({ code: 'CUSTOMER.UNAUTHORIZED', kind: 'unauthorized' });
    return (error as Error).message;
  }
  throw new Error('the token was accepted');
};

describe('a customer’s token', () => {
  it('tells who he is, also when his id has dots', () => {
    expect(verifyCustomerToken(`Bearer ${token}`, SECRET, NOW_MS)).toEqual(customer);
  });

  it('is good until the second it expires, and not any more then', () => {
    const endMs = customer.expiresAtS * 1_000;
    expect(verifyCustomerToken(`Bearer ${token}`, SECRET, endMs - 1)).toEqual(customer);
    expect(refusalOf(`Bearer ${token}`, endMs)).toBe(
      `the token has expired at ${customer.expiresAtS}, it is ${customer.expiresAtS} now`,
    );
  });

  it.each([
    ['no header', undefined, 'there is no Authorization header'],
    ['another scheme', `Basic ${token}`, 'the Authorization header is no Bearer token'],
    ['nothing', 'Bearer ', 'the token is not <userId>.<expiresAtS>.<signature>'],
    ['two parts', 'Bearer ann.1796000060', 'the token is not <userId>.<expiresAtS>.<signature>'],
    ['another user', `Bearer x${token}`, 'the signature is not ours'],
    ['another time', `Bearer ${token.replace('.1796', '.1896')}`, 'the signature is not ours'],
    ['another signature', `Bearer ${token.slice(0, -2)}AA`, 'the signature is not ours'],
    [
      'a longer signature',
      `Bearer ${token}A`,
      'the token is not <userId>.<expiresAtS>.<signature>',
    ],
    ['bytes that are no text', `Bearer ${token.slice(0, -1)}é`, 'the signature is not ours'],
  ])('is refused with %s', (_what, authorization, reason) => {
    expect(refusalOf(authorization)).toBe(reason);
  });

  it('is refused when another secret has signed it', () => {
    const forged = signCustomerToken(customer, 'another-secret-than-ours');
    expect(refusalOf(`Bearer ${forged}`)).toBe('the signature is not ours');
  });

  it('is refused when the last character says the same bytes in another way', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(token.at(-1)!);
    const twin = `${token.slice(0, -1)}${alphabet[last ^ 1]}`;
    expect(Buffer.from(twin.slice(-43), 'base64url')).toEqual(
      Buffer.from(token.slice(-43), 'base64url'),
    );
    expect(refusalOf(`Bearer ${twin}`)).toBe('the signature is not ours');
  });

  it('is not made for an id that could be read as another', () => {
    expect(() => signCustomerToken({ userId: 'a b', expiresAtS: 1 }, SECRET)).toThrow(
      'no token can tell of "a b.1"',
    );
  });
});
