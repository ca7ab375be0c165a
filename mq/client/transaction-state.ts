import { inspect } from 'node:util';
import { MqError } from '../errors.ts';
import { TransactionDecision } from '../protocol/requests/end-transaction.ts';

/** What became of a local transaction. UNKNOW, RocketMQ's own spelling, means: ask again later. */
export type LocalTransactionState = 'COMMIT_MESSAGE' | 'ROLLBACK_MESSAGE' | 'UNKNOW';

/** What END_TRANSACTION says of each. */
export const decisionOf: Readonly<Record<LocalTransactionState, number>> = {
  COMMIT_MESSAGE: TransactionDecision.COMMIT,
  ROLLBACK_MESSAGE: TransactionDecision.ROLLBACK,
  UNKNOW: TransactionDecision.UNKNOWN,
};

/** Errors: INVALID_ARGUMENT for anything a callback may return that is none of the three. */
export function asLocalTransactionState(value: unknown, callback: string): LocalTransactionState {
  if (typeof value === 'string' && Object.hasOwn(decisionOf, value)) {
    return value as LocalTransactionState;
  }
  throw new MqError(
    'INVALID_ARGUMENT',
    `${callback} returned ${inspect(value).slice(0, 100)}, not one of ${Object.keys(decisionOf).join(', ')}`,
  );
}

/** A remark travels in the header, whose size brokers bound. */
const MAX_REMARK_CHARS = 1_000;

/** For the broker's log: why a transaction is UNKNOW. */
export function remarkOn(what: string, error: unknown): string {
  return `${what}: ${reasonOf(error)}`.slice(0, MAX_REMARK_CHARS);
}

/** Anything can be thrown, also what cannot be made a text of. */
function reasonOf(error: unknown): string {
  try {
    if (error instanceof Error) return `${error.name}: ${error.message}`;
    return typeof error === 'string' ? error : inspect(error);
  } catch {
    return 'with what cannot be shown';
  }
}
