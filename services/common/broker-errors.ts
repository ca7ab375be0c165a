import { DomainError } from './errors.ts';
import { MqError } from './mq.module.ts';

/** A message that no broker would ever take: a mistake of ours, which trying again does not mend. */
const ownMistakes: ReadonlySet<string> = new Set([
  'CONFIG_INVALID',
  'INVALID_ARGUMENT',
  'MESSAGE_ILLEGAL',
]);

/** The refusal that an error of the mq client comes to for a caller of ours; any other error stays what it is. */
export function asRefusal(error: unknown): unknown {
  if (!MqError.is(error) || ownMistakes.has(error.code)) return error;
  return brokerUnavailable(error.code, error);
}

export function brokerUnavailable(reason: string, cause?: unknown): DomainError {
  return new DomainError(
    'BROKER.UNAVAILABLE',
    'unavailable',
    `the message broker cannot take a message just now (${reason}), nothing was changed, try again`,
    { cause },
  );
}
