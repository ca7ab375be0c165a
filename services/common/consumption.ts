import { performance } from 'node:perf_hooks';
import { reasonOf } from './error-reason.ts';
import { DomainError, type DomainErrorKind } from './errors.ts';
import type { Log } from './log.ts';
import type { DeliveryOutcome, Metrics } from './metrics.ts';
import { isDeadLetter, type ConsumeResult, type ReceivedMessage } from './mq.module.ts';

/** What a consumer may say of an event it has dealt with. */
export type Handling = keyof typeof handlingTexts;

const handlingTexts = {
  handled: 'event handled',
  duplicate: 'duplicate event acknowledged',
  // Nothing was to be done any more, and that is no mistake of anybody's.
  overtaken: 'overtaken event acknowledged',
} as const;

/**
 * What becomes of a message whose handling was refused. Either way the queue moves on.
 *
 * `retry`: the broker delivers it again, later and later, and keeps it in the group's DLQ after the last try.
 * `dead`:  no later try could read it: to the DLQ at once. `ack`: the fact has been overtaken, and that is all right.
 */
const outcomeOf: Record<DomainErrorKind, 'ack' | 'retry' | 'dead'> = {
  invalid: 'dead',
  unauthorized: 'dead',
  not_found: 'retry',
  unavailable: 'retry',
  conflict: 'ack',
};

/** Tries of a dead letter about something that is not there, before it is left for a person to look at. */
const MAX_TRIES_FOR_NOTHING = 10;

/** What an event is known by in the log. */
export interface ConsumedEvent {
  orderNo: string;
  eventId: string;
}

export interface Reading<T> {
  group: string;
  parse: (body: string) => T;
  /** For a group whose dead letters are not simply tried again: what is done about one instead. */
  givenUp?: (event: T, reason: string, log: Log) => Promise<Handling>;
  /**
   * For a group whose events somebody waits for: told of one that will never be handled, before it is acknowledged as refused
   * or parked. Of a message that cannot be read nobody is told. Its error keeps the message, to be tried again with it.
   */
  refused?: (event: T, reason: string) => Promise<void>;
}

export interface ConsumptionSettings {
  /** Retries before a message is a dead letter; the consumers are told the same. */
  maxReconsumeTimes: number;
  /** Delay level between two tries of a dead letter. */
  deadLetterRetryLevel: number;
}

/**
 * Reads a message, hands its event on, and decides what becomes of it; every consumer of the services goes through here.
 *
 * A dead letter carries the reason in its property DLQ_REASON. The consumer of a group is given its dead letters, too, by a
 * group of their own: one at a time, each again and again at the pace of one delay level until it succeeds. One that
 * nobody can read, that is refused for good, or whose subject has not turned up in ten tries, is parked: it stays in the DLQ
 * for an operator.
 */
export class Consumption {
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #settings: ConsumptionSettings;

  constructor(parts: { log: Log; metrics: Metrics; settings: ConsumptionSettings }) {
    this.#log = parts.log;
    this.#metrics = parts.metrics;
    this.#settings = parts.settings;
  }

  /** Never throws for what the message or its handling is at fault; the result says what the broker is to do. */
  async run<T extends ConsumedEvent>(
    message: ReceivedMessage,
    reading: Reading<T>,
    handle: (event: T, log: Log) => Promise<Handling>,
  ): Promise<ConsumeResult> {
    const { group } = reading;
    const startedAtMs = performance.now();
    const isDead = isDeadLetter(message);
    let event: T | undefined;
    try {
      event = reading.parse(message.text());
      const outcome = await this.#handle(message, event, reading, handle);
      this.#count(group, outcome);
      if (isDead) this.#metrics.deadLetters.inc({ group, outcome: 'delivered' });
      return 'CONSUME_SUCCESS';
    } catch (refusal) {
      const error = await this.#told(message, event, reading, refusal);
      return isDead ? this.#deadAgain(message, group, error) : this.#failed(message, group, error);
    } finally {
      this.#metrics.consumeSeconds.observe({ group }, (performance.now() - startedAtMs) / 1_000);
    }
  }

  async #handle<T extends ConsumedEvent>(
    message: ReceivedMessage,
    event: T,
    { group, givenUp }: Reading<T>,
    handle: (event: T, log: Log) => Promise<Handling>,
  ): Promise<Handling> {
    const { orderNo, eventId } = event;
    const log = this.#log.with({ messageId: message.msgId, orderNo, eventId });
    const outcome =
      givenUp !== undefined && isDeadLetter(message)
        ? await givenUp(event, message.properties.get('DLQ_REASON') ?? 'it failed too often', log)
        : await handle(event, log);
    log.info(handlingTexts[outcome], {
      group,
      topic: message.topic,
      tag: message.tags,
      reconsumeTimes: message.reconsumeTimes,
    });
    return outcome;
  }

  /** The refusal, after whoever waits for the event was told if it is for good; else why he could not be told. */
  async #told<T>(
    message: ReceivedMessage,
    event: T | undefined,
    { refused }: Reading<T>,
    refusal: unknown,
  ): Promise<unknown> {
    const isForGood = isDeadLetter(message) ? isInVain(message, refusal) : isConflict(refusal);
    if (event === undefined || refused === undefined || !isForGood) return refusal;
    try {
      await refused(event, reasonOf(refusal));
      return refusal;
    } catch (cause) {
      return new Error('nobody could be told that this event is refused for good', { cause });
    }
  }

  #failed(message: ReceivedMessage, group: string, error: unknown): ConsumeResult {
    const wish = error instanceof DomainError ? outcomeOf[error.kind] : 'retry';
    if (wish === 'ack') {
      this.#report('event refused for good', message, group, error);
      this.#count(group, 'refused');
      return 'CONSUME_SUCCESS';
    }
    const isLastTry = message.reconsumeTimes >= this.#settings.maxReconsumeTimes;
    if (wish === 'retry' && !isLastTry) {
      this.#report('event not handled, to be retried', message, group, error);
      this.#count(group, 'retried');
      return 'RECONSUME_LATER';
    }
    this.#report('event is a dead letter now', message, group, error);
    this.#count(group, 'dead');
    return { status: 'RECONSUME_LATER', delayTimeLevel: -1, deadLetterReason: reasonOf(error) };
  }

  #deadAgain(message: ReceivedMessage, group: string, error: unknown): ConsumeResult {
    if (isInVain(message, error)) {
      this.#report('dead letter parked, it stays in the DLQ', message, group, error);
      this.#metrics.deadLetters.inc({ group, outcome: 'parked' });
      return 'CONSUME_SUCCESS';
    }
    this.#report('dead letter not delivered, to be tried again', message, group, error);
    this.#metrics.deadLetters.inc({ group, outcome: 'waiting' });
    return { status: 'RECONSUME_LATER', delayTimeLevel: this.#settings.deadLetterRetryLevel };
  }

  #count(group: string, outcome: DeliveryOutcome): void {
    this.#metrics.messagesConsumed.inc({ group, outcome });
  }

  #report(text: string, message: ReceivedMessage, group: string, error: unknown): void {
    this.#log.error(text, {
      messageId: message.msgId,
      orderNo: message.keys[0],
      group,
      code: error instanceof DomainError ? error.code : undefined,
      topic: message.topic,
      queueId: message.queueId,
      queueOffset: message.queueOffset,
      reconsumeTimes: message.reconsumeTimes,
      error,
    });
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof DomainError && outcomeOf[error.kind] === 'ack';
}

/** Can no further try of this dead letter help? */
function isInVain({ reconsumeTimes }: ReceivedMessage, error: unknown): boolean {
  if (!(error instanceof DomainError)) return false;
  const outcome = outcomeOf[error.kind];
  if (outcome !== 'retry') return true;
  return error.kind === 'not_found' && reconsumeTimes >= MAX_TRIES_FOR_NOTHING;
}
