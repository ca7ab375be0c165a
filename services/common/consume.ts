import { DomainError, type DomainErrorKind } from './errors.ts';
import type { Log } from './log.ts';
import type { ReceivedMessage } from './mq.module.ts';

/**
 * What becomes of a message whose handling was refused. Either way the queue moves on.
 *
 * `retry` throws: the broker delivers the message again, later and later, and moves it to the group's DLQ after the
 * last try. A message nobody can read goes the same way, so that it ends where an operator looks.
 */
const outcomeOf: Record<DomainErrorKind, 'ack' | 'retry'> = {
  invalid: 'retry',
  not_found: 'retry',
  unavailable: 'retry',
  // The fact has been overtaken: no later try can change that.
  conflict: 'ack',
};

/** What a consumer may say of an event it has dealt with. */
export type Handling = keyof typeof handlingTexts;

const handlingTexts = {
  handled: 'event handled',
  duplicate: 'duplicate event acknowledged',
  // Nothing was to be done any more, and that is no mistake of anybody's.
  overtaken: 'overtaken event acknowledged',
} as const;

export interface Reading<T> {
  log: Log;
  parse: (body: string) => T;
}

/**
 * Reads a message and hands the event on, with a log that carries the order number and the message id.
 *
 * Errors: what `parse` and `handle` throw, unless it means that there is nothing left to do.
 */
export async function consume<T extends { orderNo: string; eventId: string }>(
  message: ReceivedMessage,
  { log, parse }: Reading<T>,
  handle: (event: T, log: Log) => Promise<Handling>,
): Promise<void> {
  const messageLog = log.with({ messageId: message.msgId, orderNo: message.keys[0] });
  try {
    const event = parse(message.text());
    const { orderNo, eventId } = event;
    const eventLog = log.with({ messageId: message.msgId, orderNo, eventId });
    const outcome = await handle(event, eventLog);
    eventLog.info(handlingTexts[outcome], {
      tag: message.tags,
      reconsumeTimes: message.reconsumeTimes,
    });
  } catch (error) {
    const outcome = error instanceof DomainError ? outcomeOf[error.kind] : 'retry';
    const code = error instanceof DomainError ? error.code : undefined;
    messageLog.error(
      outcome === 'ack' ? 'event refused for good' : 'event not handled, to be retried',
      {
        code,
        topic: message.topic,
        queueId: message.queueId,
        queueOffset: message.queueOffset,
        reconsumeTimes: message.reconsumeTimes,
        error,
      },
    );
    if (outcome === 'retry') throw error;
  }
}
