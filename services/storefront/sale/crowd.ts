import type { HttpPeer } from '../../common/http-peer.ts';
import { isUnavailable } from '../../common/errors.ts';
import { signCustomerToken } from '../../contracts/customer-token.ts';
import type { Timers } from '../live/timers.ts';

const TICK_MS = 20;
/** With more customers at the gate than this, those that come leave at once: they count as having come. */
const MAX_AT_GATE = 500;
const TOKEN_S = 600;

export interface CrowdCounts {
  /** Customers who came. */
  readonly arrived: number;
  /** Those who got a ticket. */
  readonly admitted: number;
}

export interface CrowdTerms {
  readonly saleId: string;
  readonly customersPerS: number;
  readonly seconds: number;
}

/** Customers who come to a flash sale at a steady rate, each with a token and an address of his own, and ask for a piece once. */
export class Crowd {
  readonly #gate: Pick<HttpPeer, 'exchange'>;
  readonly #secret: string;
  readonly #timers: Timers;
  readonly #terms: CrowdTerms;
  readonly #startedAtMs: number;
  #arrived = 0;
  #admitted = 0;
  #atGate = 0;
  #isStopped = false;

  constructor(
    parts: { gate: Pick<HttpPeer, 'exchange'>; secret: string; timers: Timers },
    terms: CrowdTerms,
  ) {
    this.#gate = parts.gate;
    this.#secret = parts.secret;
    this.#timers = parts.timers;
    this.#terms = terms;
    this.#startedAtMs = parts.timers.monotonicMs();
    this.#come();
  }

  get counts(): CrowdCounts {
    return { arrived: this.#arrived, admitted: this.#admitted };
  }

  /** Everybody has come, and has been answered. */
  get isOver(): boolean {
    const { customersPerS, seconds } = this.#terms;
    return (
      this.#atGate === 0 &&
      (this.#isStopped || this.#arrived >= Math.round(customersPerS * seconds))
    );
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Those who are due by now; who was late because the machine was busy comes now. */
  #come(): void {
    if (this.#isStopped) return;
    const { customersPerS, seconds } = this.#terms;
    const total = Math.round(customersPerS * seconds);
    const elapsedS = (this.#timers.monotonicMs() - this.#startedAtMs) / 1_000;
    const due = Math.min(total, Math.floor(elapsedS * customersPerS));
    while (this.#arrived < due) {
      this.#arrived += 1;
      if (this.#atGate < MAX_AT_GATE) void this.#ask(this.#arrived);
    }
    if (this.#arrived < total) this.#timers.setTimeout(() => this.#come(), TICK_MS);
  }

  async #ask(number: number): Promise<void> {
    const { saleId } = this.#terms;
    const expiresAtS = Math.floor(this.#timers.now() / 1_000) + TOKEN_S;
    const token = signCustomerToken(
      { userId: `crowd-${saleId}-${number}`, expiresAtS },
      this.#secret,
    );
    this.#atGate += 1;
    try {
      const { status } = await this.#gate.exchange({
        method: 'POST',
        path: `/flash-sales/${saleId}/orders`,
        headers: {
          authorization: `Bearer ${token}`,
          // What a proxy in front of the gate would have written.
          'x-forwarded-for': `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
        },
      });
      if (status === 202) this.#admitted += 1;
    } catch (error) {
      // He has not been answered, and does not come again.
      if (!isUnavailable(error)) throw error;
    } finally {
      this.#atGate -= 1;
    }
  }
}
