import { MqError } from './mq.module.ts';

/** A message that no broker would ever take: a mistake of ours, which trying again does not mend. */
const ownMistakes: ReadonlySet<string> = new Set([
  'CONFIG_INVALID',
  'INVALID_ARGUMENT',
  'MESSAGE_ILLEGAL',
]);

export function isOwnMistake(error: unknown): boolean {
  return MqError.is(error) && ownMistakes.has(error.code);
}

/** No broker takes a message just now; one of our own that no broker would ever take is another matter. */
export function isBrokerAway(error: unknown): boolean {
  return MqError.is(error) && !isOwnMistake(error);
}
