import { DomainError } from '../../common/errors.ts';
import { sumOf, type MinorUnits } from '../../common/money.ts';
import { decideMove, type ChargeStatus } from './charge-status.ts';
import { newReference } from './reference.ts';

/** Sendings of one callback; after them only a query tells. */
export const MAX_CALLBACK_ATTEMPTS = 10;

/** ISO 4217 for "no currency": of a charge that was voided before it came. */
const NO_CURRENCY = 'XXX';

export interface ChargeRequest {
  requestNo: string;
  amountMinor: MinorUnits;
  currency: string;
  callbackUrl: string;
}

export interface Charge extends ChargeRequest {
  chargeNo: string;
  status: ChargeStatus;
  refundedMinor: MinorUnits;
  acceptedAt: Date;
  settledAt: Date | null;
  callbackAttemptCount: number;
  /** When the channel has to do something for it: settle it, then send its callback. Null when all is done. */
  dueAt: Date | null;
}

export interface Backoff {
  readonly minMs: number;
  readonly maxMs: number;
}

export function acceptCharge(request: ChargeRequest, acceptedAt: Date, latencyMs: number): Charge {
  return {
    ...request,
    chargeNo: newReference('CH'),
    status: 'PROCESSING',
    refundedMinor: 0,
    acceptedAt,
    settledAt: null,
    callbackAttemptCount: 0,
    dueAt: later(acceptedAt, latencyMs),
  };
}

/** Stands for a charge nobody has asked for yet, so that it never happens. */
export function tombstone(requestNo: string, voidedAt: Date): Charge {
  const nothing = { requestNo, amountMinor: 0, currency: NO_CURRENCY, callbackUrl: '' };
  return { ...acceptCharge(nothing, voidedAt, 0), status: 'VOIDED', dueAt: null };
}

/**
 * Answers for a charge that is asked for again. Another callbackUrl does not make it another charge; the first one is called.
 *
 * Errors: CHANNEL.VOIDED, CHANNEL.REQUEST_REUSED naming both amounts.
 */
export function checkRepeat(charge: Charge, request: ChargeRequest): void {
  const { requestNo } = charge;
  if (charge.status === 'VOIDED') {
    throw new DomainError('CHANNEL.VOIDED', 'conflict', `charge ${requestNo} was voided`);
  }
  if (charge.amountMinor !== request.amountMinor || charge.currency !== request.currency) {
    throw new DomainError(
      'CHANNEL.REQUEST_REUSED',
      'conflict',
      `charge ${requestNo} is over ${charge.amountMinor} ${charge.currency}, ` +
        `not ${request.amountMinor} ${request.currency}`,
    );
  }
}

/** `callbackAt` is null when nobody is to be told. A charge that was voided meanwhile comes back as it is. */
export function settleCharge(
  charge: Charge,
  outcome: 'SUCCEEDED' | 'FAILED',
  settledAt: Date,
  callbackAt: Date | null,
): Charge {
  if (charge.status !== 'PROCESSING') return charge;
  decideMove(charge.requestNo, charge.status, outcome);
  return { ...charge, status: outcome, settledAt, dueAt: callbackAt };
}

/**
 * Makes sure that a charge never happens. A FAILED one stays what it is: it never will.
 *
 * Errors: CHANNEL.SETTLED when it has succeeded.
 */
export function voidCharge(charge: Charge): Charge {
  if (charge.status === 'FAILED') return charge;
  const move = decideMove(charge.requestNo, charge.status, 'VOIDED');
  return move === 'repeated' ? charge : { ...charge, status: 'VOIDED', dueAt: null };
}

/** Counts a sending of the callback, and says when the next is due if this one was not taken. */
export function countCallback(
  charge: Charge,
  sending: { isTaken: boolean; sentAt: Date; backoff: Backoff },
): Charge {
  const callbackAttemptCount = charge.callbackAttemptCount + 1;
  if (sending.isTaken || callbackAttemptCount >= MAX_CALLBACK_ATTEMPTS) {
    return { ...charge, callbackAttemptCount, dueAt: null };
  }
  const pauseMs = backoffMs(callbackAttemptCount, sending.backoff);
  return { ...charge, callbackAttemptCount, dueAt: later(sending.sentAt, pauseMs) };
}

/** Doubles with every failure. */
export function backoffMs(failureCount: number, { minMs, maxMs }: Backoff): number {
  return Math.min(minMs * 2 ** Math.min(failureCount - 1, 30), maxMs);
}

export interface RefundRequest {
  refundNo: string;
  requestNo: string;
  amountMinor: MinorUnits;
  currency: string;
}

/** Errors: CHANNEL.NOT_CHARGED when there is nothing to give back, in this currency at least. */
export function checkRefundable(
  charge: Charge | null,
  { requestNo, currency }: RefundRequest,
): asserts charge is Charge {
  const problem =
    charge === null
      ? `there is no charge ${requestNo}`
      : charge.status !== 'SUCCEEDED'
        ? `charge ${requestNo} is ${charge.status}, only one that has SUCCEEDED can be refunded`
        : charge.currency !== currency
          ? `charge ${requestNo} is in ${charge.currency}, not in ${currency}`
          : undefined;
  if (problem !== undefined) throw new DomainError('CHANNEL.NOT_CHARGED', 'conflict', problem);
}

/** Errors: CHANNEL.OVER_REFUND naming what the refunds would come to and what was charged. */
export function refundCharge(charge: Charge, amountMinor: MinorUnits): Charge {
  const refundedMinor = sumOf([charge.refundedMinor, amountMinor]);
  if (refundedMinor > charge.amountMinor) {
    throw new DomainError(
      'CHANNEL.OVER_REFUND',
      'conflict',
      `the refunds of charge ${charge.requestNo} would come to ${refundedMinor}, it was over ${charge.amountMinor}`,
    );
  }
  return { ...charge, refundedMinor };
}

/** Errors: CHANNEL.REQUEST_REUSED when the number stands for another refund. */
export function checkRepeatedRefund(known: RefundRequest, request: RefundRequest): void {
  const isSame =
    known.requestNo === request.requestNo &&
    known.amountMinor === request.amountMinor &&
    known.currency === request.currency;
  if (isSame) return;
  throw new DomainError(
    'CHANNEL.REQUEST_REUSED',
    'conflict',
    `refund ${request.refundNo} is ${known.amountMinor} ${known.currency} of charge ${known.requestNo}, ` +
      `not ${request.amountMinor} ${request.currency} of ${request.requestNo}`,
  );
}

function later(time: Date, ms: number): Date {
  return new Date(time.getTime() + ms);
}
