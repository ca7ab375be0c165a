/**
 * The payment channel's callback: how it tells whoever asked for a charge what has become of it.
 *
 * An HTTP POST to the callbackUrl of the charge. Body: the callback as JSON, UTF-8. Headers: when it was signed, in ms since
 * the epoch, and the signature: HMAC-SHA256 in hex, with the secret both sides know, over `<timestamp>.<body as sent>`.
 * Copies: it may come more than once, late, or never; `nonce` is new for every sending, `chargeNo` the same.
 * Answer: 2xx or 409 ends it, anything else has it sent again.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { MinorUnits } from '../common/money.ts';
import {
  fieldsOf,
  keyOf,
  poison,
  textOf,
  timeOf,
  wholeNumberOf,
  type Fields,
} from './message-body.ts';

export const CHANNEL_TIMESTAMP_HEADER = 'X-Channel-Timestamp';
export const CHANNEL_SIGNATURE_HEADER = 'X-Channel-Signature';

export type ChannelOutcome = 'SUCCEEDED' | 'FAILED';

export interface ChannelCallback {
  /** A UUID, new for every sending. */
  nonce: string;
  /** What the charge was asked for by: the payment number. */
  requestNo: string;
  /** The channel's own number of it. */
  chargeNo: string;
  outcome: ChannelOutcome;
  amountMinor: MinorUnits;
  currency: string;
  /** ISO 8601 in UTC. */
  settledAt: string;
}

/** Units: timestampMs in ms since the epoch; rawBody is the body exactly as it is sent. */
export function signCallback(secret: string, timestampMs: number, rawBody: string): string {
  return createHmac('sha256', secret).update(`${timestampMs}.${rawBody}`).digest('hex');
}

/**
 * Tells whether a callback was signed by somebody who knows the secret, and lately.
 *
 * `stale` is said only of a signature that is right: whoever recorded a callback cannot give it a new time. A time too
 * far ahead is stale, too. Within the tolerance the same callback can be sent again: its nonce tells.
 */
export function verifyCallback(received: {
  secret: string;
  /** The headers as they came, undefined when they did not. */
  timestampMs: string | undefined;
  signature: string | undefined;
  rawBody: string;
  nowMs: number;
  toleranceMs: number;
}): 'ok' | 'forged' | 'stale' {
  const { secret, timestampMs: text, signature, rawBody, nowMs, toleranceMs } = received;
  if (text === undefined || signature === undefined) return 'forged';
  const timestampMs = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  // Written in another way (007), it is not what was signed.
  if (String(timestampMs) !== text || !/^[0-9a-f]{64}$/.test(signature)) return 'forged';
  const expected = Buffer.from(signCallback(secret, timestampMs, rawBody), 'hex');
  if (!timingSafeEqual(expected, Buffer.from(signature, 'hex'))) return 'forged';
  return Math.abs(nowMs - timestampMs) <= toleranceMs ? 'ok' : 'stale';
}

/** Errors: MESSAGE.POISON naming what is wrong, without repeating the payload. */
export function parseChannelCallback(body: string): ChannelCallback {
  const fields = fieldsOf(body);
  return {
    nonce: keyOf(fields, 'nonce'),
    requestNo: keyOf(fields, 'requestNo'),
    chargeNo: keyOf(fields, 'chargeNo'),
    outcome: outcomeOf(fields),
    amountMinor: wholeNumberOf(fields, 'amountMinor', 1),
    currency: currencyOf(fields),
    settledAt: timeOf(fields, 'settledAt'),
  };
}

function outcomeOf(fields: Fields): ChannelOutcome {
  const outcome = textOf(fields, 'outcome');
  if (outcome === 'SUCCEEDED' || outcome === 'FAILED') return outcome;
  throw poison('outcome is neither SUCCEEDED nor FAILED');
}

function currencyOf(fields: Fields): string {
  const currency = textOf(fields, 'currency');
  if (!/^[A-Z]{3}$/.test(currency)) throw poison('currency is not 3 letters A-Z');
  return currency;
}
