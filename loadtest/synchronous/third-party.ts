import { randomUUID } from 'node:crypto';
import type { ChargeCallbacks } from './charge-callbacks.ts';
import { Refusal } from './refusal.ts';

/** As patient as a customer at a counter. */
const timeoutMs = 10_000;
/** A request that fails is asked once more at once; then the customer is told. */
const tries = 2;

export interface Charge {
  isPaid: boolean;
  /** Of the callback, or a new one when the answer was there without one. */
  nonce: string;
  settledAt: Date;
}

interface ChargeAnswer {
  status: 'PROCESSING' | 'SUCCEEDED' | 'FAILED' | 'VOIDED';
  settledAt?: string;
}

/** The channel and the carrier, asked while the customer waits. Each question has a number, so that it can be asked again. */
export class ThirdParty {
  readonly #url: string;
  readonly #callbacks: ChargeCallbacks;
  readonly #callbackUrl: () => string;

  /** `callbackUrl` is asked when there is something to charge: by then it is known where we listen. */
  constructor(url: string, callbacks: ChargeCallbacks, callbackUrl: () => string) {
    this.#url = url;
    this.#callbacks = callbacks;
    this.#callbackUrl = callbackUrl;
  }

  /** Has a payment charged and waits until the channel says how it went. Errors: a Refusal, 502 or 504. */
  async charge(paymentNo: string, amountMinor: number, currency: string): Promise<Charge> {
    const waiting = this.#callbacks.waitFor(paymentNo, timeoutMs);
    const callbackUrl = this.#callbackUrl();
    const wish = { requestNo: paymentNo, amountMinor, currency, callbackUrl };
    try {
      const asked = (await this.#insist('POST', '/charges', wish)) as ChargeAnswer;
      // Asked for before, by a try of this checkout that was given up.
      if (asked.status !== 'PROCESSING') return chargeOf(asked);
    } catch (error) {
      this.#callbacks.forget(paymentNo);
      throw error;
    }
    const callback = await waiting;
    if (callback === undefined) {
      return chargeOf((await this.#insist('GET', `/charges/${paymentNo}`)) as ChargeAnswer);
    }
    return {
      isPaid: callback.outcome === 'SUCCEEDED',
      nonce: callback.nonce,
      settledAt: new Date(callback.settledAt),
    };
  }

  /** Hands a parcel over and gives the tracking number. Errors: a Refusal, 502 or 504. */
  async ship(
    shipmentNo: string,
    orderNo: string,
    items: readonly { sku: string; quantity: number }[],
  ): Promise<string> {
    const wish = { requestNo: shipmentNo, orderNo, items };
    const { trackingNo } = (await this.#insist('POST', '/shipments', wish)) as {
      trackingNo: string;
    };
    return trackingNo;
  }

  async #insist(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#ask(method, path, body);
      } catch (error) {
        if (attempt === tries) throw error;
      }
    }
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    let status: number;
    let text: string;
    try {
      const answer = await fetch(`${this.#url}${path}`, {
        method,
        ...(body === undefined
          ? {}
          : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      status = answer.status;
      text = await answer.text();
    } catch (error) {
      throw new Refusal(504, `${path} has not answered within ${timeoutMs} ms`, error);
    }
    if (status < 200 || status > 299) throw new Refusal(502, `${path} answered ${status}`);
    return JSON.parse(text) as unknown;
  }
}

function chargeOf({ status, settledAt }: ChargeAnswer): Charge {
  if (status === 'PROCESSING' || settledAt === undefined) {
    throw new Refusal(504, 'the channel has not settled the charge in time');
  }
  return { isPaid: status === 'SUCCEEDED', nonce: randomUUID(), settledAt: new Date(settledAt) };
}
