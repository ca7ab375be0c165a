import { DomainError } from '../../common/errors.ts';
import type { HttpPeer } from '../../common/http-peer.ts';
import { minorUnits, type MinorUnits } from '../../common/money.ts';
import type { Payment } from '../domain/payment.ts';
import type { PaymentMetrics } from './payment-metrics.ts';

const chargeStatuses = ['PROCESSING', 'SUCCEEDED', 'FAILED', 'VOIDED'] as const;

/** A payment as the channel knows it. */
export interface Charge {
  chargeNo: string;
  status: (typeof chargeStatuses)[number];
  amountMinor: MinorUnits;
  currency: string;
  settledAt?: Date;
}

/**
 * Asks the third party that moves the money. Whatever is asked is asked by a number of ours, so that it can be asked again.
 *
 * Errors: THIRD_PARTY.UNAVAILABLE when nobody knows whether it was done; the channel's refusals otherwise. Never call it
 *         inside a database transaction: it may take seconds.
 */
export class PaymentChannel {
  readonly #channel: HttpPeer;
  readonly #callbackUrl: string;
  readonly #metrics: PaymentMetrics;

  constructor(channel: HttpPeer, callbackUrl: string, metrics: PaymentMetrics) {
    this.#channel = channel;
    this.#callbackUrl = callbackUrl;
    this.#metrics = metrics;
  }

  /** How it goes, the channel tells later, by a callback. Errors: CHANNEL.VOIDED when it is never to happen. */
  async charge({ paymentNo, amountMinor, currency }: Payment): Promise<void> {
    const wish = { requestNo: paymentNo, amountMinor, currency, callbackUrl: this.#callbackUrl };
    await this.#metrics.measured('charge', () => this.#channel.post('/charges', wish));
  }

  /** Errors: of kind not_found when it has never heard of it. */
  async find(paymentNo: string): Promise<Charge> {
    const path = `/charges/${encodeURIComponent(paymentNo)}`;
    return readCharge(await this.#metrics.measured('find', () => this.#channel.get(path)));
  }

  /** Sees to it that the charge never happens. Errors: CHANNEL.SETTLED when it has. */
  async forget(paymentNo: string): Promise<void> {
    const path = `/charges/${encodeURIComponent(paymentNo)}/void`;
    await this.#metrics.measured('void', () => this.#channel.post(path, {}));
  }

  async refund(wish: {
    refundNo: string;
    paymentNo: string;
    refundMinor: MinorUnits;
    currency: string;
  }): Promise<void> {
    const { refundNo, paymentNo: requestNo, refundMinor: amountMinor, currency } = wish;
    const body = { refundNo, requestNo, amountMinor, currency };
    await this.#metrics.measured('refund', () => this.#channel.post('/refunds', body));
  }
}

function readCharge(answer: unknown): Charge {
  const { chargeNo, status, amountMinor, currency, settledAt } = (answer ?? {}) as Record<
    string,
    unknown
  >;
  const known = chargeStatuses.find((each) => each === status);
  if (
    known === undefined ||
    typeof chargeNo !== 'string' ||
    !/^[\x21-\x7e]{1,64}$/.test(chargeNo) ||
    typeof amountMinor !== 'number' ||
    typeof currency !== 'string'
  ) {
    throw new DomainError(
      'THIRD_PARTY.UNREADABLE',
      'unavailable',
      'the channel has answered something that is no charge, try again',
    );
  }
  const time = typeof settledAt === 'string' ? Date.parse(settledAt) : Number.NaN;
  return {
    chargeNo,
    status: known,
    amountMinor: minorUnits(amountMinor),
    currency,
    ...(Number.isNaN(time) ? {} : { settledAt: new Date(time) }),
  };
}
