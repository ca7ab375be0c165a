import { MqError } from '../errors.ts';

/** Delivers the message again after the delay of its own level instead of the one its number of retries gives. */
export interface ReconsumeLater {
  status: 'RECONSUME_LATER';
  /** −1: to the dead-letter queue at once; 0, the default: the broker decides; n: after the delay of level n. */
  delayTimeLevel?: number;
  /**
   * Why the message is given up; with delayTimeLevel −1 only. Its dead letter has the first 1,024 bytes as property `DLQ_REASON`.
   * When it cannot be sent along, the message is given up without it.
   */
  deadLetterReason?: string;
}

/** What a listener may return. Returning nothing means CONSUME_SUCCESS. */
export type ConsumeResult = 'CONSUME_SUCCESS' | 'RECONSUME_LATER' | ReconsumeLater;

export const TO_DEAD_LETTER_QUEUE = -1;
export const BROKER_DECIDES = 0;
/** delayLevel travels as an int32; brokers take a level above their highest for the highest. */
const HIGHEST_LEVEL = 0x7fff_ffff;

/** How a message is handed back. */
export interface HandBack {
  readonly delayTimeLevel: number;
  /** With TO_DEAD_LETTER_QUEUE only. */
  readonly deadLetterReason?: string;
}

/** After the delay that the number of retries gives, or to the dead-letter queue when they are used up. */
export const USUAL_RETRY: HandBack = { delayTimeLevel: BROKER_DECIDES };

/** What a listener meant. */
export type ConsumeVerdict =
  | { readonly isConsumed: true }
  | (HandBack & {
      readonly isConsumed: false;
      /** Why the message is retried although the listener did not properly say so. */
      readonly fault?: MqError;
      /** What the listener failed with at this message of a batch. */
      readonly failure?: { readonly error: unknown };
    });

const CONSUMED: ConsumeVerdict = { isConsumed: true };

interface ClaimedResult {
  status?: unknown;
  delayTimeLevel?: unknown;
  deadLetterReason?: unknown;
}

/**
 * Reads what a listener returned, which need not be what its type promises.
 *
 * What looks like a result and is none, such as a misspelt RECONSUME_LATER, counts as a retry: taken for consumed, the
 * message would be lost. An impossible delay level is a retry after the usual delay, and so is a reason to give up without
 * giving up. Anything else is what the listener's last statement happened to yield, and the message is consumed.
 */
export function readConsumeResult(result: unknown): ConsumeVerdict {
  if (typeof result === 'string') return readClaim({ status: result }, result);
  if (!looksLikeResult(result)) return CONSUMED;
  const { status, delayTimeLevel, deadLetterReason } = result as ClaimedResult;
  const hasReason = deadLetterReason !== undefined && deadLetterReason !== null;
  const claim = { status, delayTimeLevel, ...(hasReason && { deadLetterReason }) };
  return readClaim(claim, claim);
}

/**
 * Whether a listener meant this for its result: a word, a status in words, a delay level, a reason to give up. An HTTP
 * response has a status, too.
 */
export function looksLikeResult(result: unknown): boolean {
  if (typeof result === 'string') return true;
  if (typeof result !== 'object' || result === null) return false;
  const { status, delayTimeLevel, deadLetterReason } = result as ClaimedResult;
  return (
    typeof status === 'string' ||
    delayTimeLevel !== undefined ||
    (deadLetterReason !== undefined && deadLetterReason !== null)
  );
}

function readClaim(claim: ClaimedResult, result: unknown): ConsumeVerdict {
  const { status, deadLetterReason } = claim;
  const delayTimeLevel = claim.delayTimeLevel ?? BROKER_DECIDES;
  if (status === 'CONSUME_SUCCESS' && deadLetterReason === undefined) return CONSUMED;
  if (status !== 'RECONSUME_LATER') return retryOf(result, 'which is no result');
  if (!isDelayLevel(delayTimeLevel)) {
    return retryOf(result, `whose delayTimeLevel is no integer in -1..${HIGHEST_LEVEL}`);
  }
  if (deadLetterReason === undefined) return { isConsumed: false, delayTimeLevel };
  if (typeof deadLetterReason !== 'string') {
    return retryOf(result, 'whose deadLetterReason is no text');
  }
  if (delayTimeLevel !== TO_DEAD_LETTER_QUEUE) {
    return retryOf(result, 'which has a deadLetterReason, and no delayTimeLevel of -1 to give up');
  }
  // A property cannot be empty.
  return {
    isConsumed: false,
    delayTimeLevel,
    ...(deadLetterReason !== '' && { deadLetterReason }),
  };
}

function isDelayLevel(level: unknown): level is number {
  return Number.isInteger(level) && Number(level) >= -1 && Number(level) <= HIGHEST_LEVEL;
}

function retryOf(result: unknown, reason: string): ConsumeVerdict {
  const fault = new MqError(
    'INVALID_ARGUMENT',
    `the listener returned ${describe(result)}, ${reason}`,
  );
  return { isConsumed: false, ...USUAL_RETRY, fault };
}

/** JSON writes NaN and Infinity as null, which is what one must be able to read here. */
function describe(result: unknown): string {
  if (typeof result === 'string') return JSON.stringify(result.slice(0, 80));
  const fields = Object.entries(result as Record<string, unknown>);
  return `{ ${fields.map(([name, value]) => `${name}: ${describeValue(value)}`).join(', ')} }`;
}

function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
