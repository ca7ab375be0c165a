/**
 * How a customer proves who he is: `<userId>.<expiresAtS>.<signature>`, the HMAC-SHA256 of what precedes its last dot under a
 * secret that the shop's log-in and the services share, in base64url. Sent as `Authorization: Bearer <token>`.
 *
 * Units: expiresAtS in whole seconds since epoch; from then on it is expired.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { DomainError } from '../common/errors.ts';

export interface Customer {
  userId: string;
  expiresAtS: number;
}

/** 32 bytes as base64url without padding. */
const SIGNATURE_CHARACTERS = 43;

/** A user's id may have dots; the time and the signature, which have none, are taken from the end. */
const claimsPattern = /^([\w.@-]{1,64})\.([1-9]\d{0,11})$/;

const BEARER = 'Bearer ';

/** Errors: an Error for a customer no token can tell of: a mistake of whoever signs. */
export function signCustomerToken(customer: Customer, secret: string): string {
  const claims = `${customer.userId}.${customer.expiresAtS}`;
  if (!claimsPattern.test(claims))
    throw new Error(`no token can tell of ${JSON.stringify(claims)}`);
  return `${claims}.${signatureOf(claims, secret)}`;
}

/** Errors: CUSTOMER.UNAUTHORIZED, without repeating the token: it is missing, forged or expired. */
export function verifyCustomerToken(
  authorization: string | undefined,
  secret: string,
  nowMs: number,
): Customer {
  if (authorization === undefined) throw refused('there is no Authorization header');
  if (!authorization.startsWith(BEARER))
    throw refused('the Authorization header is no Bearer token');
  const signatureStart = authorization.length - SIGNATURE_CHARACTERS;
  const claims = authorization.slice(BEARER.length, Math.max(BEARER.length, signatureStart - 1));
  const found = claimsPattern.exec(claims);
  if (found === null || authorization[signatureStart - 1] !== '.') {
    throw refused('the token is not <userId>.<expiresAtS>.<signature>');
  }
  const signature = authorization.slice(signatureStart);
  if (!isSame(signature, signatureOf(claims, secret))) throw refused('the signature is not ours');
  const expiresAtS = Number(found[2]);
  if (nowMs >= expiresAtS * 1_000) {
    throw refused(`the token has expired at ${expiresAtS}, it is ${Math.floor(nowMs / 1_000)} now`);
  }
  return { userId: found[1]!, expiresAtS };
}

function signatureOf(claims: string, secret: string): string {
  return createHmac('sha256', secret).update(claims).digest('base64url');
}

/** In a time that does not tell where they differ. Compared as text: base64url can write the same bytes in several ways. */
function isSame(given: string, ours: string): boolean {
  const givenBytes = Buffer.from(given);
  return givenBytes.length === ours.length && timingSafeEqual(givenBytes, Buffer.from(ours));
}

function refused(reason: string): DomainError {
  return new DomainError('CUSTOMER.UNAUTHORIZED', 'unauthorized', reason);
}
