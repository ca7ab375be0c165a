import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.ts';
import { isDocumentNo } from '../../common/document-number.ts';
import { DomainError } from '../../common/errors.ts';
import { Log } from '../../common/log.ts';
import { parseChannelCallback, type ChannelCallback } from '../../contracts/channel-callback.ts';
import { ChannelSignatures, type ReceivedCallback } from './channel-signatures.ts';
import { PaymentMetrics, type CallbackOutcome } from './payment-metrics.ts';
import { SettlePayment, type Settled } from './settle-payment.ts';

const outcomeOfRefusal: Readonly<Record<string, CallbackOutcome>> = {
  'CALLBACK.REPLAYED': 'replayed',
  'CALLBACK.WRONG_AMOUNT': 'contradiction',
  'PAYMENT.CONTRADICTION': 'contradiction',
  'PAYMENT.NOT_FOUND': 'refused',
  'MESSAGE.POISON': 'refused',
};

/**
 * Takes what the channel tells of a payment, if it is the channel's and of now.
 *
 * Errors: CALLBACK.FORGED, CALLBACK.STALE; MESSAGE.POISON for one that is signed and cannot be read; those of SettlePayment.
 */
@Injectable()
export class TakeCallback {
  constructor(
    private readonly signatures: ChannelSignatures,
    private readonly settlePayment: SettlePayment,
    private readonly metrics: PaymentMetrics,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  async execute(received: ReceivedCallback): Promise<'settled' | 'duplicate'> {
    const verdict = this.signatures.judge(received, this.clock.now());
    const log = this.log.with({ paymentNo: claimedPaymentNo(received.rawBody) });
    if (verdict !== 'ok') {
      this.#count(verdict);
      log.warn(`a ${verdict} callback was refused`);
      throw unauthorized(verdict);
    }
    try {
      const callback = parseChannelCallback(received.rawBody);
      const { result, orderNo } = await this.#settle(callback);
      this.#count(result === 'settled' ? 'accepted' : 'duplicate');
      log.info('callback taken', { orderNo, outcome: callback.outcome, result });
      return result;
    } catch (error) {
      this.#reportRefusal(log, error);
      throw error;
    }
  }

  #settle(callback: ChannelCallback): Promise<Settled> {
    const { nonce, requestNo, chargeNo, outcome, amountMinor, currency, settledAt } = callback;
    return this.settlePayment.execute(
      requestNo,
      {
        outcome,
        charge: { chargeNo, amountMinor, currency },
        settledAt: new Date(settledAt),
      },
      nonce,
    );
  }

  /** What leaves it open how it went is logged as a failed request is. */
  #reportRefusal(log: Log, error: unknown): void {
    const outcome = error instanceof DomainError ? outcomeOfRefusal[error.code] : undefined;
    if (outcome === undefined) return;
    this.#count(outcome);
    // Somebody's money is not where it is said to be.
    if (outcome === 'contradiction') log.error('a callback contradicts what is known', { error });
    else log.warn(`a callback was refused: ${outcome}`, { error });
  }

  #count(outcome: CallbackOutcome): void {
    this.metrics.callbacks.inc({ outcome });
  }
}

function unauthorized(verdict: 'forged' | 'stale'): DomainError {
  return verdict === 'forged'
    ? new DomainError('CALLBACK.FORGED', 'unauthorized', 'this is not signed by the channel')
    : new DomainError(
        'CALLBACK.STALE',
        'unauthorized',
        'this was signed too long ago, or by a clock that is ahead; sign it again',
      );
}

/** Of a callback nobody may have signed: only what looks like a number of ours goes into the log. */
function claimedPaymentNo(rawBody: string): string | undefined {
  const [, number] = /"requestNo"\s*:\s*"([^"]{1,64})"/.exec(rawBody) ?? [];
  return number !== undefined && isDocumentNo(number) ? number : undefined;
}
