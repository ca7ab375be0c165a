import { randomUUID } from 'node:crypto';
import type { Clock } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import {
  CHANNEL_SIGNATURE_HEADER,
  CHANNEL_TIMESTAMP_HEADER,
  signCallback,
  type ChannelCallback,
} from '../../contracts/channel-callback.ts';
import type { Charge } from '../domain/charge.ts';

const TIME_LIMIT_MS = 2_000;

/** A settled charge: what a callback tells of. */
export type SettledCharge = Charge & { status: 'SUCCEEDED' | 'FAILED'; settledAt: Date };

/** Signs callbacks and posts them. */
export class CallbackSender {
  readonly #secret: string;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(parts: { secret: string; clock: Clock; log: Log }) {
    this.#secret = parts.secret;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** True when it was taken: answered with 2xx, or with 409, which says that it is known. */
  async send(charge: SettledCharge, stop: AbortSignal): Promise<boolean> {
    const { requestNo, callbackUrl } = charge;
    const log = this.#log.with({ requestNo, attempt: charge.callbackAttemptCount + 1 });
    const rawBody = JSON.stringify(callbackOf(charge));
    const timestampMs = this.#clock.now().getTime();
    try {
      const answer = await fetch(callbackUrl, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          [CHANNEL_TIMESTAMP_HEADER]: String(timestampMs),
          [CHANNEL_SIGNATURE_HEADER]: signCallback(this.#secret, timestampMs, rawBody),
        },
        body: rawBody,
        redirect: 'manual',
        signal: AbortSignal.any([stop, AbortSignal.timeout(TIME_LIMIT_MS)]),
      });
      await answer.body?.cancel();
      const isTaken = answer.ok || answer.status === 409;
      log.info(isTaken ? 'callback taken' : 'callback refused', { status: answer.status });
      return isTaken;
    } catch (error) {
      // Nobody there, or no answer in time: the same to the channel, whatever it was.
      log.warn('callback not answered', { error });
      return false;
    }
  }
}

export function isSettled(charge: Charge): charge is SettledCharge {
  const { status, settledAt } = charge;
  return (status === 'SUCCEEDED' || status === 'FAILED') && settledAt !== null;
}

function callbackOf(charge: SettledCharge): ChannelCallback {
  return {
    nonce: randomUUID(),
    requestNo: charge.requestNo,
    chargeNo: charge.chargeNo,
    outcome: charge.status,
    amountMinor: charge.amountMinor,
    currency: charge.currency,
    settledAt: charge.settledAt.toISOString(),
  };
}
