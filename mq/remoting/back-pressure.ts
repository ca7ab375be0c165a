/** When a peer's requests stop being read. Reading resumes once all of it has fallen to half. */
export interface BackPressure {
  /** Bytes written for the peer that it has not taken yet. */
  maxUnreadBytes: number;
  /**
   * So much of that ends the connection. Requests that were read before the pause are still answered, and thousands of
   * held pulls may be answered by one large message: pausing alone bounds no memory.
   */
  maxUnsentBytes: number;
  /** Requests received and not answered yet. Long polls count, so this is generous. */
  maxOpenRequests: number;
  /** The bodies of those requests, which are what their memory is. */
  maxOpenRequestBytes: number;
}

export const defaultBackPressure: BackPressure = {
  maxUnreadBytes: 1024 * 1024,
  maxUnsentBytes: 256 * 1024 * 1024,
  maxOpenRequests: 20_000,
  maxOpenRequestBytes: 64 * 1024 * 1024,
};

/** What one peer costs now: the requests that are being worked on for it, and the bytes it has not taken. */
export class PeerLoad {
  readonly #limits: BackPressure;
  readonly #unsentBytes: () => number;
  #openRequests = 0;
  #openRequestBytes = 0;

  constructor(limits: BackPressure, unsentBytes: () => number) {
    this.#limits = limits;
    this.#unsentBytes = unsentBytes;
  }

  get openRequests(): number {
    return this.#openRequests;
  }

  requestOpened(bodyBytes: number): void {
    this.#openRequests++;
    this.#openRequestBytes += bodyBytes;
  }

  requestAnswered(bodyBytes: number): void {
    this.#openRequests--;
    this.#openRequestBytes -= bodyBytes;
  }

  /** More is not to be read from this peer. */
  get isTooHigh(): boolean {
    return (
      this.isUnread ||
      this.#openRequests > this.#limits.maxOpenRequests ||
      this.#openRequestBytes > this.#limits.maxOpenRequestBytes
    );
  }

  /** Reading may go on: at half the limits, or it would stop again at once. */
  get isRelieved(): boolean {
    return (
      this.#unsentBytes() <= this.#limits.maxUnreadBytes / 2 &&
      this.#openRequests <= this.#limits.maxOpenRequests / 2 &&
      this.#openRequestBytes <= this.#limits.maxOpenRequestBytes / 2
    );
  }

  /** The peer does not keep up with what is written for it. */
  get isUnread(): boolean {
    return this.#unsentBytes() > this.#limits.maxUnreadBytes;
  }

  /** So much is not taken that the connection has to end. */
  get isSwamped(): boolean {
    return this.#unsentBytes() > this.#limits.maxUnsentBytes;
  }
}
