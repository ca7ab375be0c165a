import { MqError } from '../errors.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import type { FaultTolerance } from './fault-tolerance.ts';
import type { MqClient } from './mq-client.ts';
import type { Message } from './outgoing-message.ts';
import { inTime, pause } from './pause.ts';
import type { SendOptions, SendSettings } from './producer-options.ts';
import type { PublishRoutes } from './publish-routes.ts';
import type { QueueSelector } from './queue-selector.ts';
import type { RouteWatch } from './route-watch.ts';
import { selectByHash } from './select-by-hash.ts';
import { isBrokerFailure, isQueueGone } from './send-failure.ts';
import type { SendMeter } from './send-meter.ts';
import type { SendRequest } from './send-request.ts';
import { sendResult, storedCodes, type SendResult } from './send-result.ts';
import { SendStage } from './send-stage.ts';

/** Before the same broker is tried again: long enough for the remoting layer's first back-off to pass. */
const SAME_BROKER_PAUSE_MS = 120;

export interface DeliveryDeps {
  readonly client: MqClient;
  readonly watch: RouteWatch;
  readonly publishRoutes: PublishRoutes;
  readonly faults: FaultTolerance;
  readonly selector: QueueSelector;
  readonly settings: SendSettings;
  readonly meter: Pick<SendMeter, 'retried'>;
}

/** One failed attempt. */
interface Failure {
  readonly queue: MessageQueue;
  readonly error: MqError;
  readonly startedMs: number;
}

/**
 * Brings one message to a broker within its time budget: one queue after the other, each on a broker on which it has not
 * failed if there is one. What goes to a queue of its caller's choice has one attempt, and never goes to another.
 */
export class Delivery {
  readonly #deps: DeliveryDeps;
  readonly #request: SendRequest;
  readonly #message: Message;
  readonly #options: SendOptions;
  readonly #deadlineMs: number;
  /** The latest last. */
  readonly #failures: Failure[] = [];
  /** Stored, though not as safely as the broker is set to. */
  #stored: SendResult | undefined;

  constructor(
    deps: DeliveryDeps,
    request: SendRequest,
    message: Message,
    options: SendOptions,
    deadlineMs: number,
  ) {
    this.#deps = deps;
    this.#request = request;
    this.#message = message;
    this.#options = options;
    this.#deadlineMs = deadlineMs;
  }

  get #isChosen(): boolean {
    const { queue, select } = this.#options;
    return queue !== undefined || select !== undefined || this.#request.shardingKeys.length > 0;
  }

  /** Errors: those of the last attempt, of the look-up of the route, and when the time is over. */
  async run(): Promise<SendResult> {
    const attempts = this.#isChosen ? 1 : 1 + this.#deps.settings.retryTimesWhenSendFailed;
    for (let attempt = 1; attempt <= attempts; attempt++) {
      try {
        const result = await this.#attempt(attempt, attempts);
        if (result !== undefined) return result;
      } catch (error) {
        if (this.#stored !== undefined) return this.#stored;
        throw error;
      }
    }
    if (this.#stored !== undefined) return this.#stored;
    throw this.#failures.at(-1)!.error;
  }

  /** The queue for the next attempt. Errors: INVALID_ARGUMENT; those of the look-up of the route. */
  async choose(): Promise<MessageQueue> {
    return this.#chosenOf(await this.#deps.publishRoutes.queues(this.#request.topic));
  }

  /** As `choose`, at once: undefined when the route has to be looked up, or nobody wants the message sent any more. */
  #chooseNow(): MessageQueue | undefined {
    if (this.#options.signal?.aborted === true) return undefined;
    const queues = this.#deps.publishRoutes.known(this.#request.topic);
    return queues && this.#chosenOf(queues);
  }

  #chosenOf(queues: readonly MessageQueue[]): MessageQueue {
    const { selector } = this.#deps;
    const { queue, select } = this.#options;
    if (queue !== undefined) return checkedQueue(this.#request, queue);
    if (select !== undefined) {
      return checkedQueue(this.#request, select(queues, this.#message));
    }
    const failedOn = this.#failures.map((failure) => failure.queue.brokerName);
    const { replyTo } = this.#message;
    const preferred =
      replyTo === undefined
        ? []
        : queues.filter(({ brokerName }) => brokerName === replyTo.brokerName);
    const isPreferred = preferred.length > 0 && failedOn.length === 0;
    return (
      queueOfKeys(this.#request, queues) ??
      selector.next(this.#request.topic, isPreferred ? preferred : queues, failedOn)!
    );
  }

  /** Undefined when another one may follow. */
  async #attempt(attempt: number, attempts: number): Promise<SendResult | undefined> {
    const { clock } = this.#deps.client.settings;
    const { signal } = this.#options;
    const late = (): MqError => this.#outOfTime();
    // Nearly always the route is known: no timer then for each message.
    const queue =
      this.#chooseNow() ?? (await inTime(clock, this.#deadlineMs, this.choose(), late, signal));
    const failure = this.#failures.at(-1);
    if (queue.brokerName === failure?.queue.brokerName && !isQueueGone(failure.error)) {
      const pauseMs = SAME_BROKER_PAUSE_MS * (attempt - 1);
      if (clock.monotonicMs() + pauseMs >= this.#deadlineMs) throw failure.error;
      await pause(clock, pauseMs, signal);
    }
    const startedMs = clock.monotonicMs();
    const leftMs = this.#deadlineMs - startedMs;
    if (leftMs <= 0) throw this.#outOfTime();
    // A broker that hangs must not use up what another one needs; a lone broker may have it all.
    const isLast = attempt === attempts || !(await this.#hasOther(queue));
    if (attempt > 1) this.#deps.meter.retried();
    try {
      const result = await this.#send(queue, isLast ? leftMs : leftMs / 2);
      const isEnough =
        result.status === 'SEND_OK' ||
        isLast ||
        !this.#deps.settings.retryAnotherBrokerWhenNotStoreOK;
      if (isEnough) return result;
      this.#stored = result;
      this.#failures.push({ queue, error: notStoredOk(result), startedMs });
    } catch (error) {
      if (!MqError.is(error) || error.code === 'REQUEST_ABORTED') throw error;
      this.#failures.push({ queue, error, startedMs });
      if (isQueueGone(error)) await this.#renewRoute(attempt < attempts);
      else if (!error.retriable) throw error;
      else this.#deps.watch.doubt(this.#request.topic);
    }
    return undefined;
  }

  async #send(queue: MessageQueue, timeoutMs: number): Promise<SendResult> {
    const { client, faults } = this.#deps;
    const { definition, body, msgId } = this.#request;
    const { brokerName } = queue;
    const startedMs = client.settings.clock.monotonicMs();
    try {
      const reply = await client.call(
        addressOf(this.#deps.watch, queue),
        definition,
        this.#request.header(queue),
        { body, timeoutMs, signal: this.#options.signal, accept: storedCodes },
      );
      faults.note(brokerName, { type: 'answered', startedMs });
      return sendResult(queue, msgId, reply.code, reply.header);
    } catch (error) {
      if (MqError.is(error) && isBrokerFailure(error, timeoutMs)) {
        faults.note(brokerName, { type: 'failed', startedMs });
      }
      throw error;
    }
  }

  /**
   * After a broker has said that the queue is not there. With `mayMove`, waits for the new route, and goes on when it
   * differs, or another broker has not been asked yet; else the failure is the caller's at once.
   */
  async #renewRoute(mayMove: boolean): Promise<void> {
    const { client, watch, publishRoutes } = this.#deps;
    const { clock } = client.settings;
    const { topic } = this.#request;
    const { queue, error, startedMs } = this.#failures.at(-1)!;
    const before = watch.routes.fingerprint(topic);
    const deniedBy = error.code === 'TOPIC_NOT_EXIST' ? queue.brokerName : undefined;
    // It may fail, and nobody may wait for it.
    const renewed = watch.renew(topic, startedMs, deniedBy).catch(() => undefined);
    if (!mayMove) throw error;
    await inTime(clock, this.#deadlineMs, renewed, () => error, this.#options.signal);
    if (watch.routes.fingerprint(topic) !== before) return;
    const queues = await publishRoutes.queues(topic).catch(() => []);
    const failedOn = this.#failures.map((failure) => failure.queue.brokerName);
    if (!queues.some(({ brokerName }) => !failedOn.includes(brokerName))) throw error;
  }

  async #hasOther({ topic, brokerName }: MessageQueue): Promise<boolean> {
    const { publishRoutes } = this.#deps;
    const queues = publishRoutes.known(topic) ?? (await publishRoutes.queues(topic));
    return queues.some((queue) => queue.brokerName !== brokerName);
  }

  #outOfTime(): MqError {
    return this.#failures.at(-1)?.error ?? routeOutOfTime(this.#request.topic);
  }
}

/** Errors: NO_ROUTE (retriable). */
export function addressOf(watch: RouteWatch, { topic, brokerName }: MessageQueue): string {
  const address = watch.routes.masterAddress(brokerName);
  if (address !== undefined) return address;
  throw new MqError(
    'NO_ROUTE',
    `broker ${brokerName} of topic ${topic} has no master in the route`,
    { retriable: true, details: { stage: SendStage.ROUTE, topic, brokerName } },
  );
}

export function routeOutOfTime(topic: string): MqError {
  return new MqError(
    'REQUEST_TIMEOUT',
    `finding a broker for ${topic} took the whole time budget`,
    { retriable: true, details: { stage: SendStage.ROUTE, topic } },
  );
}

function notStoredOk({ status, messageQueue }: SendResult): MqError {
  return new MqError('SYSTEM_ERROR', `${messageQueue.brokerName} answered ${status}`);
}

function checkedQueue(request: SendRequest, queue: MessageQueue | undefined): MessageQueue {
  if (queue?.topic === request.topic) return queue;
  throw new MqError(
    'INVALID_ARGUMENT',
    queue === undefined
      ? `message for ${request.topic}: select chose no queue`
      : `message for ${request.topic}: the chosen queue belongs to ${queue.topic}`,
  );
}

/** undefined when there is no key to go by. Errors: INVALID_ARGUMENT when a batch has keys of different queues. */
function queueOfKeys(
  { topic, shardingKeys }: SendRequest,
  queues: readonly MessageQueue[],
): MessageQueue | undefined {
  const [first, ...others] = shardingKeys;
  if (first === undefined) return undefined;
  const chosen = selectByHash(first)(queues);
  const stranger = others.find((key) => selectByHash(key)(queues) !== chosen);
  if (stranger === undefined) return chosen;
  throw new MqError(
    'INVALID_ARGUMENT',
    `batch for ${topic}: shardingKey ${JSON.stringify(stranger)} belongs to another queue than ${JSON.stringify(first)}`,
  );
}
