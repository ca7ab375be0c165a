import { verifyCallback } from '../../contracts/channel-callback.ts';

/** A request that claims to be a callback, as it came. */
export interface ReceivedCallback {
  timestampMs: string | undefined;
  signature: string | undefined;
  rawBody: string;
}

/** Knows the channel's secret, and gives it to nobody. */
export class ChannelSignatures {
  readonly #secret: string;
  readonly #toleranceMs: number;

  constructor({ secret, toleranceMs }: { secret: string; toleranceMs: number }) {
    this.#secret = secret;
    this.#toleranceMs = toleranceMs;
  }

  judge(received: ReceivedCallback, now: Date): 'ok' | 'forged' | 'stale' {
    return verifyCallback({
      ...received,
      secret: this.#secret,
      toleranceMs: this.#toleranceMs,
      nowMs: now.getTime(),
    });
  }
}
