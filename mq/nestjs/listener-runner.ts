import {
  Inject,
  Injectable,
  Optional,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import {
  MqError,
  Producer,
  PushConsumer,
  TransactionProducer,
  type CheckLocalTransaction,
  type MessageBatchListener,
  type MessageBatchListenerOrderly,
  type MessageListener,
  type MessageListenerOrderly,
} from '../index.ts';
import { dlqTopic } from '../protocol/names.ts';
import { deadLetterGroup } from './dead-letters.ts';
import { DecoratedMethods, type DecoratedMethod } from './decorated-methods.ts';
import { MESSAGE_LISTENER_METADATA, type MessageListenerOptions } from './message-listener.ts';
import { clientOptionsOf, MILLRACE_OPTIONS, type MillraceModuleOptions } from './options.ts';
import { TRANSACTION_CHECKER_METADATA, TransactionCheckBack } from './transaction-checker.ts';

type Listener = DecoratedMethod<MessageListenerOptions>;

/** A consumer that a listener asked for, and what it consumes. */
export interface TopicConsumer {
  readonly topic: string;
  readonly consumer: PushConsumer;
}

/**
 * Starts the producers and every `@MessageListener` with the application, and stops them in the order that
 * loses nothing: consumers first, because a listener may still be sending; the producers after Nest has closed the
 * HTTP server, because a request may, too, and after the application's own `onApplicationShutdown` hooks.
 */
@Injectable()
export class ListenerRunner
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly producer: Producer;
  readonly transactionProducer: TransactionProducer | undefined;
  readonly #options: MillraceModuleOptions;
  readonly #checkBack: TransactionCheckBack;
  readonly #methods: DecoratedMethods;
  #consumers: TopicConsumer[] = [];

  constructor(
    @Inject(MILLRACE_OPTIONS) options: MillraceModuleOptions,
    @Inject(Producer) producer: Producer,
    @Optional()
    @Inject(TransactionProducer)
    transactionProducer: TransactionProducer | undefined,
    @Inject(TransactionCheckBack) checkBack: TransactionCheckBack,
    @Inject(DecoratedMethods) methods: DecoratedMethods,
  ) {
    this.producer = producer;
    this.transactionProducer = transactionProducer;
    this.#options = options;
    this.#checkBack = checkBack;
    this.#methods = methods;
  }

  /** Empty before the application has started. */
  get consumers(): readonly TopicConsumer[] {
    return this.#consumers;
  }

  /** Errors: INVALID_ARGUMENT for a listener or a checker that cannot be run; those of `PushConsumer.start`. Nothing runs then. */
  async onApplicationBootstrap(): Promise<void> {
    const listeners = this.#methods.find<MessageListenerOptions>(
      MESSAGE_LISTENER_METADATA,
      'MessageListener',
    );
    listeners.forEach(assertDeadLettersCanBe);
    listeners.forEach(assertOneSelector);
    assertOneListenerPerGroup(listeners);
    const checkers = this.#methods.find(TRANSACTION_CHECKER_METADATA, 'TransactionChecker');
    const checker = theChecker(checkers, this.#options.transaction?.producerGroup);
    if (checker !== undefined) this.#checkBack.use(checker);
    this.#consumers = listeners.flatMap((listener) => [
      this.#consumerFor(listener),
      ...this.#deadLetterConsumerFor(listener),
    ]);
    await Promise.all([this.producer.start(), this.transactionProducer?.start()]);
    const started = await Promise.allSettled(
      this.#consumers.map(({ consumer }) => consumer.start()),
    );
    const failed = started.find(({ status }) => status === 'rejected');
    if (failed === undefined) return;
    // The application does not come up; the other listeners would go on without it.
    await this.beforeApplicationShutdown();
    await this.onApplicationShutdown();
    throw (failed as PromiseRejectedResult).reason;
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.#consumers.map(({ consumer }) => consumer.shutdown()));
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.producer.shutdown(), this.transactionProducer?.shutdown()]);
  }

  #consumerFor({ options, method }: Listener): TopicConsumer {
    const { topic, tags, sql, orderly, batch, deadLetters: _deadLetters, ...ofConsumer } = options;
    const { maxReconsumeTimes } = this.#options;
    // In order, retries follow one another within seconds: a limit meant for growing delays would give up too soon.
    const hasSuchRetries = orderly !== true && options.messageModel !== 'BROADCASTING';
    const consumer = new PushConsumer({
      ...clientOptionsOf(this.#options),
      ...(maxReconsumeTimes !== undefined && hasSuchRetries && { maxReconsumeTimes }),
      ...ofConsumer,
      ...batchSize(batch),
    }).subscribe(topic, sql === undefined ? (tags ?? '*') : { sql });
    listen(consumer, method, options);
    return { topic, consumer };
  }

  #deadLetterConsumerFor({ options, method }: Listener): TopicConsumer[] {
    const { topic: _topic, tags: _tags, sql: _sql, orderly: _orderly, ...rest } = options;
    const { batch, deadLetters, ...ofListener } = rest;
    if (deadLetters === undefined) return [];
    const { consumerGroup } = options;
    const topic = dlqTopic(consumerGroup);
    const { maxReconsumeTimes } = this.#options;
    const consumer = new PushConsumer({
      ...clientOptionsOf(this.#options),
      ...(maxReconsumeTimes !== undefined && { maxReconsumeTimes }),
      ...ofListener,
      ...deadLetters,
      consumerGroup: deadLetterGroup(consumerGroup, deadLetters),
      // The first of them is what brings the topic into being: who began at its end would miss it.
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      ...batchSize(batch),
    });
    listen(consumer.subscribe(topic), method, options);
    return [{ topic, consumer }];
  }
}

function batchSize(batch: number | undefined): { consumeMessageBatchMaxSize?: number } {
  return batch === undefined ? {} : { consumeMessageBatchMaxSize: batch };
}

function listen(
  consumer: PushConsumer,
  method: Listener['method'],
  { orderly = false, batch }: MessageListenerOptions,
): void {
  if (batch === undefined) {
    if (orderly) consumer.onMessageOrderly(method as MessageListenerOrderly);
    else consumer.onMessage(method as MessageListener);
  } else if (orderly) {
    consumer.onMessagesOrderly(method as MessageBatchListenerOrderly);
  } else {
    consumer.onMessages(method as MessageBatchListener);
  }
}

/** Without the option there is no producer to ask a checker; with it, brokers must get their answer from one. */
function theChecker(
  checkers: readonly DecoratedMethod<unknown>[],
  producerGroup: string | undefined,
): CheckLocalTransaction | undefined {
  const labels = checkers.map(({ label }) => label).join(' and ');
  if (producerGroup === undefined) {
    if (checkers.length === 0) return undefined;
    throw new MqError(
      'INVALID_ARGUMENT',
      `${labels}: a @TransactionChecker needs \`transaction\` in the options of MillraceModule`,
    );
  }
  const [checker] = checkers;
  if (checker !== undefined && checkers.length === 1)
    return checker.method as CheckLocalTransaction;
  throw new MqError(
    'INVALID_ARGUMENT',
    `transaction group ${producerGroup} needs exactly one @TransactionChecker, there ${checkers.length === 0 ? 'is none' : `are ${labels}`}`,
  );
}

/** Two consumers of one group in one process would overwrite each other's subscription on the broker. */
function assertOneListenerPerGroup(listeners: readonly Listener[]): void {
  const userByGroup = new Map<string, string>();
  for (const { group, user } of listeners.flatMap(groupsOf)) {
    const other = userByGroup.get(group);
    if (other !== undefined) {
      throw new MqError(
        'INVALID_ARGUMENT',
        `consumerGroup ${group} is used by ${other} and by ${user}; members of a group must have the same subscription`,
      );
    }
    userByGroup.set(group, user);
  }
}

function groupsOf({ label, options }: Listener): { group: string; user: string }[] {
  const { consumerGroup, deadLetters } = options;
  const own = { group: consumerGroup, user: label };
  if (deadLetters === undefined) return [own];
  const group = deadLetterGroup(consumerGroup, deadLetters);
  return [own, { group, user: `the deadLetters of ${label}` }];
}

function assertOneSelector({ label, options }: Listener): void {
  if (options.tags === undefined || options.sql === undefined) return;
  throw new MqError(
    'INVALID_ARGUMENT',
    `${label} has tags and sql; in SQL92 a message's tag is the property TAGS`,
  );
}

/**
 * A listener in order has another signature and other results, and a dead letter has lost its place anyway. A broadcasting
 * group has none.
 */
function assertDeadLettersCanBe({ label, options }: Listener): void {
  if (options.deadLetters === undefined) return;
  if (options.messageModel === 'BROADCASTING') {
    throw new MqError(
      'INVALID_ARGUMENT',
      `${label} is broadcasting and has deadLetters: what such a group does not consume is dropped`,
    );
  }
  if (options.orderly !== true) return;
  throw new MqError(
    'INVALID_ARGUMENT',
    `${label} is orderly and has deadLetters, which come in no order: let another method listen to ${dlqTopic(options.consumerGroup)}`,
  );
}
