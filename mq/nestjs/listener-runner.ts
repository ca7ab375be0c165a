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
  type MessageListener,
  type MessageListenerOrderly,
} from '../index.ts';
import { DecoratedMethods, type DecoratedMethod } from './decorated-methods.ts';
import { MESSAGE_LISTENER_METADATA, type MessageListenerOptions } from './message-listener.ts';
import { clientOptionsOf, MILLRACE_OPTIONS, type MillraceModuleOptions } from './options.ts';
import { TRANSACTION_CHECKER_METADATA, TransactionCheckBack } from './transaction-checker.ts';

type Listener = DecoratedMethod<MessageListenerOptions>;

/**
 * Starts the producers and every `@MessageListener` with the application, and stops them in the order that
 * loses nothing: consumers first, because a listener may still be sending; the producers after Nest has closed the
 * HTTP server, because a request may, too, and after the application's own `onApplicationShutdown` hooks.
 */
@Injectable()
export class ListenerRunner
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #options: MillraceModuleOptions;
  readonly #producer: Producer;
  readonly #transactionProducer: TransactionProducer | undefined;
  readonly #checkBack: TransactionCheckBack;
  readonly #methods: DecoratedMethods;
  #consumers: PushConsumer[] = [];

  constructor(
    @Inject(MILLRACE_OPTIONS) options: MillraceModuleOptions,
    @Inject(Producer) producer: Producer,
    @Optional()
    @Inject(TransactionProducer)
    transactionProducer: TransactionProducer | undefined,
    @Inject(TransactionCheckBack) checkBack: TransactionCheckBack,
    @Inject(DecoratedMethods) methods: DecoratedMethods,
  ) {
    this.#options = options;
    this.#producer = producer;
    this.#transactionProducer = transactionProducer;
    this.#checkBack = checkBack;
    this.#methods = methods;
  }

  /** The running consumers, for health and tests. */
  get consumers(): readonly PushConsumer[] {
    return this.#consumers;
  }

  /** Errors: INVALID_ARGUMENT for a listener or a checker that cannot be run; nothing has been started then. */
  async onApplicationBootstrap(): Promise<void> {
    const listeners = this.#methods.find<MessageListenerOptions>(
      MESSAGE_LISTENER_METADATA,
      'MessageListener',
    );
    assertOneListenerPerGroup(listeners);
    const checkers = this.#methods.find(TRANSACTION_CHECKER_METADATA, 'TransactionChecker');
    const checker = theChecker(checkers, this.#options.transaction?.producerGroup);
    if (checker !== undefined) this.#checkBack.use(checker);
    this.#consumers = listeners.map((listener) => this.#consumerFor(listener));
    await Promise.all([this.#producer.start(), this.#transactionProducer?.start()]);
    await Promise.all(this.#consumers.map((consumer) => consumer.start()));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.shutdown()));
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.#producer.shutdown(), this.#transactionProducer?.shutdown()]);
  }

  #consumerFor({ options, method }: Listener): PushConsumer {
    const { topic, tags, orderly = false, ...consumerOptions } = options;
    const { maxReconsumeTimes } = this.#options;
    const consumer = new PushConsumer({
      ...clientOptionsOf(this.#options),
      // In order, retries follow one another within seconds: a limit meant for growing delays would give up too soon.
      ...(maxReconsumeTimes !== undefined && !orderly && { maxReconsumeTimes }),
      ...consumerOptions,
    }).subscribe(topic, tags ?? '*');
    return orderly
      ? consumer.onMessageOrderly(method as MessageListenerOrderly)
      : consumer.onMessage(method as MessageListener);
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
  const labelByGroup = new Map<string, string>();
  for (const { label, options } of listeners) {
    const other = labelByGroup.get(options.consumerGroup);
    if (other !== undefined) {
      throw new MqError(
        'INVALID_ARGUMENT',
        `consumerGroup ${options.consumerGroup} is used by ${other} and by ${label}; members of a group must have the same subscription`,
      );
    }
    labelByGroup.set(options.consumerGroup, label);
  }
}
