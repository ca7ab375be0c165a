import {
  CHANNEL_SIGNATURE_HEADER,
  CHANNEL_TIMESTAMP_HEADER,
  parseChannelCallback,
  verifyCallback,
  type ChannelCallback,
} from '@millrace/services/contracts/channel-callback';

const toleranceMs = 300_000;

/** Requests that stand and wait for the channel to call back. */
export class ChargeCallbacks {
  readonly #secret: string;
  /** By charge: the same request may stand here twice. */
  readonly #waiting = new Map<string, ((callback: ChannelCallback | undefined) => void)[]>();

  constructor(secret: string) {
    this.#secret = secret;
  }

  /** The callback about this charge; undefined when none has come within `timeoutMs`. Begin to wait before you ask for the charge. */
  waitFor(requestNo: string, timeoutMs: number): Promise<ChannelCallback | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end(requestNo, undefined), timeoutMs);
      const waiting = this.#waiting.get(requestNo) ?? [];
      waiting.push((callback) => {
        clearTimeout(timer);
        resolve(callback);
      });
      this.#waiting.set(requestNo, waiting);
    });
  }

  /** Nobody is to wait any more: the charge was not taken. */
  forget(requestNo: string): void {
    this.#end(requestNo, undefined);
  }

  /** The status to answer the channel with. One that nobody waits for is taken all the same: it is found when it is asked for. */
  take(headers: Readonly<Record<string, string | string[] | undefined>>, rawBody: string): number {
    const header = (name: string): string | undefined => {
      const value = headers[name.toLowerCase()];
      return typeof value === 'string' ? value : undefined;
    };
    const verdict = verifyCallback({
      secret: this.#secret,
      timestampMs: header(CHANNEL_TIMESTAMP_HEADER),
      signature: header(CHANNEL_SIGNATURE_HEADER),
      rawBody,
      nowMs: Date.now(),
      toleranceMs,
    });
    if (verdict !== 'ok') return 401;
    const callback = parseChannelCallback(rawBody);
    this.#end(callback.requestNo, callback);
    return 200;
  }

  #end(requestNo: string, callback: ChannelCallback | undefined): void {
    const waiting = this.#waiting.get(requestNo) ?? [];
    this.#waiting.delete(requestNo);
    for (const end of waiting) end(callback);
  }
}
