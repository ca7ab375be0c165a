import { verifyCustomerToken, type Customer } from '../../contracts/customer-token.ts';
import type { GateSettings } from '../config.ts';
import { RecentlySeen } from '../domain/recently-seen.ts';
import { TokenBuckets } from '../domain/token-buckets.ts';
import { tooMany, unauthorized, type GateAnswer } from './gate-answers.ts';

/** The part of a request that tells who comes. */
export interface Visit {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** Some 20 MB of tokens. */
const MAX_VERIFIED_COUNT = 100_000;

/**
 * Knows who comes, and sends away who comes too often. Each process of the gate counts for itself.
 *
 * The address is looked at first: what comes too often from one is not worth the checking of a signature. Nor is what has the
 * same answer for everybody, so that a customer is looked at by himself only when it matters who he is.
 */
export class Visitors {
  readonly #settings: GateSettings;
  readonly #users: TokenBuckets;
  readonly #addresses: TokenBuckets;
  readonly #verified = new RecentlySeen<Customer>(MAX_VERIFIED_COUNT);

  constructor(settings: GateSettings) {
    this.#settings = settings;
    this.#users = new TokenBuckets(settings.userRate);
    this.#addresses = new TokenBuckets(settings.addressRate);
  }

  /** What is answered to an address that comes too often. */
  turnAway(visit: Visit): GateAnswer | undefined {
    const waitMs = this.#addresses.take(this.#addressOf(visit), performance.now());
    return waitMs > 0 ? tooMany('address', waitMs) : undefined;
  }

  /** Who it is, or what is answered to who may not come in. */
  admit(visit: Visit): Customer | GateAnswer {
    let customer: Customer;
    try {
      customer = this.identify(visit);
    } catch (error) {
      return unauthorized(error);
    }
    const waitMs = this.#users.take(customer.userId, performance.now());
    return waitMs > 0 ? tooMany('customer', waitMs) : customer;
  }

  /** A token that was verified once is remembered: who waits for a sale comes again and again. Errors: CUSTOMER.UNAUTHORIZED. */
  identify({ headers }: Visit): Customer {
    const authorization = headers['authorization'] as string | undefined;
    const nowMs = Date.now();
    const known = authorization === undefined ? undefined : this.#verified.get(authorization);
    if (known !== undefined && nowMs < known.expiresAtS * 1_000) return known;
    const customer = verifyCustomerToken(authorization, this.#settings.tokenSecret, nowMs);
    this.#verified.set(authorization!, customer);
    return customer;
  }

  /** Behind a proxy, the one that it has seen: it comes last, whatever the customer himself has written before. */
  #addressOf({ headers, socket }: Visit): string {
    if (this.#settings.isBehindProxy) {
      const forwarded = [headers['x-forwarded-for']].flat().at(-1);
      const last = forwarded?.slice(forwarded.lastIndexOf(',') + 1).trim();
      if (last !== undefined && last !== '') return last.slice(0, 64);
    }
    return socket.remoteAddress ?? '';
  }
}
