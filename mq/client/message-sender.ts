import { MqError } from '../errors.ts';
import { UniqKeyGenerator } from '../protocol/message-id.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { assertTopicName, isDlqTopic, isRetryTopic } from '../protocol/names.ts';
import { PropertyKey } from '../protocol/properties.ts';
import { decodeRecallHandle } from '../protocol/recall-handle.ts';
import { recallMessage } from '../protocol/requests/recall-message.ts';
import { MessageSysFlag } from '../protocol/sys-flag.ts';
import { milliseconds } from './client-options.ts';
import { compressBody } from './compression.ts';
import type { MqClient } from './mq-client.ts';
import { outgoingMessage, type Message } from './outgoing-message.ts';
import { inTime, pause } from './pause.ts';
import type { SendOptions, SendSettings } from './producer-options.ts';
import { PublishRoutes } from './publish-routes.ts';
import { QueueSelector } from './queue-selector.ts';
import type { RouteWatch } from './route-watch.ts';
import { selectByHash } from './select-by-hash.ts';
import { batchSend, singleSend, type SendContext, type SendRequest } from './send-request.ts';
import { sendResult, storedCodes, type SendResult } from './send-result.ts';

/** Failures that tell something about the broker, not about the message or its topic. */
const brokerFailures: ReadonlySet<string> = new Set([
  'CONNECT_FAILED',
  'CONNECTION_CLOSED',
  'REQUEST_TIMEOUT',
  'SERVICE_NOT_AVAILABLE',
  'SYSTEM_BUSY',
]);
/** Before the same broker is tried again: long enough for the remoting layer's first back-off to pass. */
const SAME_BROKER_PAUSE_MS = 120;

/**
 * The way of a message to a broker: encoded once, then tried on one queue after the other within one time budget.
 *
 * A send that fails retriably is repeated on another broker first.
 */
export class MessageSender {
  readonly #client: MqClient;
  readonly #watch: RouteWatch;
  readonly #publishRoutes: PublishRoutes;
  readonly #selector: QueueSelector;
  readonly #msgIds: UniqKeyGenerator;
  readonly #settings: SendSettings;

  constructor(client: MqClient, watch: RouteWatch, settings: SendSettings) {
    const { clock, clientIp } = client.settings;
    this.#client = client;
    this.#watch = watch;
    this.#settings = settings;
    this.#publishRoutes = new PublishRoutes(watch, settings.defaultTopicQueueNums);
    this.#selector = new QueueSelector(clock);
    this.#msgIds = new UniqKeyGenerator(clientIp, process.pid, () => clock.now());
  }

  /** Errors: NO_ROUTE. */
  queues(topic: string): Promise<readonly MessageQueue[]> {
    return this.#publishRoutes.queues(topic);
  }

  /** Errors: INVALID_ARGUMENT, MESSAGE_ILLEGAL. */
  single(message: Message): Promise<SendRequest> {
    return this.#encoded(message, [], 0);
  }

  /** The half message of a transaction, which no consumer sees before its commit. Errors: as `single`. */
  half(message: Message, checkImmunityTimeSeconds?: number): Promise<SendRequest> {
    const marks: [string, string][] = [
      [PropertyKey.TRAN_MSG, 'true'],
      [PropertyKey.PGROUP, this.#settings.producerGroup],
    ];
    if (checkImmunityTimeSeconds !== undefined) {
      marks.push([PropertyKey.CHECK_IMMUNITY_TIME_IN_SECONDS, String(checkImmunityTimeSeconds)]);
    }
    return this.#encoded(message, marks, MessageSysFlag.TRANSACTION_PREPARED);
  }

  /** Errors: INVALID_ARGUMENT, MESSAGE_ILLEGAL. */
  batch(messages: readonly Message[]): SendRequest {
    const { maxMessageBytes } = this.#settings;
    const outgoing = messages.map((message) =>
      outgoingMessage(message, this.#msgIds.next(), maxMessageBytes),
    );
    return batchSend(outgoing, maxMessageBytes, this.#context());
  }

  /** Errors: see `Producer.recall`. */
  async recall(
    topic: string,
    recallHandle: string,
    options: Pick<SendOptions, 'timeoutMs' | 'signal'>,
  ): Promise<string> {
    assertTopicName(topic);
    if (isRetryTopic(topic) || isDlqTopic(topic)) {
      throw new MqError('INVALID_ARGUMENT', `messages of ${topic} cannot be recalled`);
    }
    const { brokerName } = decodeRecallHandle(recallHandle);
    const { clock } = this.#client.settings;
    const { signal } = options;
    const deadlineMs = this.deadline(options);
    const late = (): MqError => outOfTime(topic);
    // Only to know the topic's brokers.
    await inTime(clock, deadlineMs, this.#publishRoutes.queues(topic), late, signal);
    const address = this.addressOf({ topic, brokerName, queueId: 0 });
    const { producerGroup } = this.#settings;
    const { header } = await this.#client.call(
      address,
      recallMessage,
      { producerGroup, topic, recallHandle, brokerName },
      { timeoutMs: Math.max(1, deadlineMs - clock.monotonicMs()), signal },
    );
    return header.msgId;
  }

  /** Sends without asking for an answer; settles when the connection has taken it. */
  async handOver(
    request: SendRequest,
    message: Message,
    options: SendOptions,
    deadlineMs: number,
  ): Promise<void> {
    const work = async (): Promise<void> => {
      const queue = await this.#choose(request, message, options, undefined);
      if (options.signal?.aborted === true) return;
      await this.#client.oneway(this.addressOf(queue), request.definition, request.header(queue), {
        body: request.body,
      });
    };
    const late = (): MqError => outOfTime(request.topic);
    await inTime(this.#client.settings.clock, deadlineMs, work(), late, options.signal);
  }

  async deliver(
    request: SendRequest,
    message: Message,
    options: SendOptions,
    deadlineMs: number,
  ): Promise<SendResult> {
    const isChosen =
      options.queue !== undefined ||
      options.select !== undefined ||
      request.shardingKeys.length > 0;
    const attempts = isChosen ? 1 : 1 + this.#settings.retryTimesWhenSendFailed;
    let failed: { brokerName: string; error: MqError } | undefined;
    const { clock } = this.#client.settings;
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const queue = await inTime(
        clock,
        deadlineMs,
        this.#choose(request, message, options, failed?.brokerName),
        () => failed?.error ?? outOfTime(request.topic),
        options.signal,
      );
      if (queue.brokerName === failed?.brokerName) {
        await pause(clock, SAME_BROKER_PAUSE_MS * (attempt - 1), options.signal);
      }
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) throw failed?.error ?? outOfTime(request.topic);
      // A broker that hangs must not use up what another one needs; a lone broker may have it all.
      const isLast = attempt === attempts || !(await this.#hasOther(queue));
      try {
        return await this.#attempt(request, queue, isLast ? leftMs : leftMs / 2, options.signal);
      } catch (error) {
        if (!MqError.is(error) || !error.retriable || error.code === 'REQUEST_ABORTED') throw error;
        failed = { brokerName: queue.brokerName, error };
        this.#watch.doubt(request.topic);
      }
    }
    throw failed!.error;
  }

  async #encoded(
    message: Message,
    marks: Iterable<readonly [string, string]>,
    sysFlag: number,
  ): Promise<SendRequest> {
    const { maxMessageBytes, compressBodyOverBytes } = this.#settings;
    const outgoing = outgoingMessage(message, this.#msgIds.next(), maxMessageBytes, marks);
    const packed =
      outgoing.body.length >= compressBodyOverBytes
        ? await compressBody(outgoing.body)
        : { body: outgoing.body, sysFlag: 0 };
    return singleSend(
      outgoing,
      { body: packed.body, sysFlag: packed.sysFlag | sysFlag },
      this.#context(),
    );
  }

  async #attempt(
    request: SendRequest,
    queue: MessageQueue,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<SendResult> {
    try {
      const reply = await this.#client.call(
        this.addressOf(queue),
        request.definition,
        request.header(queue),
        { body: request.body, timeoutMs, signal, accept: storedCodes },
      );
      this.#selector.succeeded(queue.brokerName);
      return sendResult(queue, request.msgId, reply.code, reply.header);
    } catch (error) {
      if (MqError.is(error) && brokerFailures.has(error.code)) {
        this.#selector.failed(queue.brokerName);
      }
      throw error;
    }
  }

  async #choose(
    request: SendRequest,
    message: Message,
    options: SendOptions,
    lastFailed: string | undefined,
  ): Promise<MessageQueue> {
    const queues = await this.#publishRoutes.queues(request.topic);
    if (options.queue !== undefined) return this.#checkedQueue(request, options.queue);
    if (options.select !== undefined) {
      return this.#checkedQueue(request, options.select(queues, message));
    }
    return queueOfKeys(request, queues) ?? this.#selector.next(request.topic, queues, lastFailed)!;
  }

  async #hasOther({ topic, brokerName }: MessageQueue): Promise<boolean> {
    const queues = await this.#publishRoutes.queues(topic);
    return queues.some((queue) => queue.brokerName !== brokerName);
  }

  #checkedQueue(request: SendRequest, queue: MessageQueue | undefined): MessageQueue {
    if (queue?.topic === request.topic) return queue;
    throw new MqError(
      'INVALID_ARGUMENT',
      queue === undefined
        ? `message for ${request.topic}: select chose no queue`
        : `message for ${request.topic}: the chosen queue belongs to ${queue.topic}`,
    );
  }

  addressOf(queue: MessageQueue): string {
    const address = this.#watch.routes.masterAddress(queue.brokerName);
    if (address !== undefined) return address;
    throw new MqError(
      'NO_ROUTE',
      `broker ${queue.brokerName} of topic ${queue.topic} has no master in the route`,
      { retriable: true, details: { topic: queue.topic, brokerName: queue.brokerName } },
    );
  }

  #context(): SendContext {
    return {
      producerGroup: this.#settings.producerGroup,
      defaultTopicQueueNums: this.#settings.defaultTopicQueueNums,
      bornTimestamp: this.#client.settings.clock.now(),
    };
  }

  /** On the monotonic clock. */
  deadline(options: SendOptions): number {
    const timeoutMs = milliseconds('timeoutMs', options.timeoutMs ?? this.#settings.sendTimeoutMs);
    return this.#client.settings.clock.monotonicMs() + timeoutMs;
  }
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

function outOfTime(topic: string): MqError {
  return new MqError(
    'REQUEST_TIMEOUT',
    `finding a broker for ${topic} took the whole time budget`,
    {
      retriable: true,
      details: { topic },
    },
  );
}
