import type {
  LitePullConsumerOptions,
  Message,
  MessageSelector,
  ProducerOptions,
  PushConsumerOptions,
} from '../../mq/index.ts';
import type { BrokerConfig } from '../../mq/server.ts';
import { within } from '../support/deadline.ts';
import { FaultyFiles } from '../support/faulty-files.ts';
import { Operator } from './operator.ts';
import { ScenarioBroker } from './scenario-broker.ts';
import { ScenarioConsumer } from './scenario-consumer.ts';
import { ScenarioNameServer } from './scenario-name-server.ts';
import { ScenarioProducer } from './scenario-producer.ts';
import { ScenarioPuller } from './scenario-puller.ts';
import { ScenarioTransactionProducer } from './scenario-transaction-producer.ts';
import { World } from './world.ts';

export interface Sent {
  topic: string;
  recallHandle: string | undefined;
  /** The broker that has it, or the code of the error. */
  outcome: string;
}

/** Everybody who takes part in one scenario, by name. */
export class Stage implements AsyncDisposable {
  readonly nameServers = new Map<string, ScenarioNameServer>();
  readonly brokers = new Map<string, ScenarioBroker>();
  readonly consumers = new Map<string, ScenarioConsumer>();
  readonly pullers = new Map<string, ScenarioPuller>();
  readonly producers = new Map<string, ScenarioProducer>();
  readonly transactionProducers = new Map<string, ScenarioTransactionProducer>();
  /** Messages that were sent, by their bodies. */
  readonly sent = new Map<string, Sent>();
  readonly world = new World();
  /** By the consumers' names, for all their lives. */
  readonly #consumerDisks = new Map<string, FaultyFiles>();
  #operator: Operator | undefined;
  #failure: unknown;

  /** There is one name server, n1, from the beginning. */
  static async set(): Promise<Stage> {
    const stage = new Stage();
    await stage.addNameServer('n1');
    return stage;
  }

  /** Only who joins later knows it. */
  async addNameServer(name: string): Promise<void> {
    if (this.nameServers.has(name)) throw new Error(`there is a name server ${name} already`);
    if (this.#operator !== undefined) throw new Error('the operator would not know it');
    const nameServer = new ScenarioNameServer(this.world);
    this.nameServers.set(name, nameServer);
    await nameServer.start();
  }

  get operator(): Operator {
    this.#operator ??= new Operator(this.world.process(), this.#namesrvAddr());
    return this.#operator;
  }

  /** What it was about is cut short. */
  replaceOperator(): void {
    this.#operator?.kill();
    this.#operator = undefined;
  }

  async addBroker(brokerName: string, settings: Partial<BrokerConfig>): Promise<void> {
    const broker = new ScenarioBroker(this.world, {
      brokerName,
      namesrvAddr: this.#namesrvAddr(),
      flushDiskType: 'ASYNC_FLUSH',
      ...settings,
    });
    this.brokers.set(brokerName, broker);
    await broker.start();
  }

  addConsumer(
    name: string,
    options: Omit<PushConsumerOptions, 'namesrvAddr'> & {
      topics: readonly string[];
      selector?: MessageSelector;
      isOrderly: boolean;
    },
  ): void {
    const disk = this.#consumerDisks.get(name) ?? new FaultyFiles();
    this.#consumerDisks.set(name, disk);
    const consumer = new ScenarioConsumer(this.world.process(), disk, {
      ...this.#client(name),
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      ...options,
    });
    this.consumers.set(name, consumer);
    this.inBackground(consumer.start());
  }

  addPuller(name: string, options: Omit<LitePullConsumerOptions, 'namesrvAddr'>): ScenarioPuller {
    const puller = new ScenarioPuller(this.world.process(), {
      ...this.#client(name),
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      ...options,
    });
    this.pullers.set(name, puller);
    return puller;
  }

  async addProducer(name: string, options: Omit<ProducerOptions, 'namesrvAddr'>): Promise<void> {
    const producer = new ScenarioProducer(this.world.process(), {
      ...this.#client(name),
      ...options,
    });
    this.producers.set(name, producer);
    await this.atOnce(producer.start());
  }

  async addTransactionProducer(name: string, producerGroup: string): Promise<void> {
    const process = this.world.process();
    const producer = new ScenarioTransactionProducer(process, producerGroup, this.#client(name));
    this.transactionProducers.set(name, producer);
    await this.atOnce(producer.start());
  }

  async send(
    name: string,
    message: Message,
    queue: { brokerName: string; queueId: number } | undefined,
  ): Promise<void> {
    await this.atOnce(this.#send(name, message, queue));
  }

  /** What comes of it is in `sent`, when it has come. */
  beginToSend(
    name: string,
    message: Message,
    queue: { brokerName: string; queueId: number } | undefined,
  ): void {
    const body = String(message.body);
    this.#send(name, message, queue).catch((error: unknown) => {
      const code = (error as { code?: string }).code ?? String(error);
      this.sent.set(body, { topic: message.topic, recallHandle: undefined, outcome: code });
    });
  }

  async #send(
    name: string,
    message: Message,
    queue: { brokerName: string; queueId: number } | undefined,
  ): Promise<void> {
    const { topic } = message;
    const { recallHandle, messageQueue } = await this.producer(name).send(
      message,
      queue === undefined ? {} : { queue: { topic, ...queue } },
    );
    const outcome = messageQueue.brokerName;
    this.sent.set(String(message.body), { topic, recallHandle, outcome });
  }

  /** Errors: that of something a former command began. */
  assertNothingFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  nameServer(name: string): ScenarioNameServer {
    return found(this.nameServers, name, 'name server');
  }

  broker(name: string): ScenarioBroker {
    return found(this.brokers, name, 'broker');
  }

  consumer(name: string): ScenarioConsumer {
    return found(this.consumers, name, 'consumer');
  }

  puller(name: string): ScenarioPuller {
    return found(this.pullers, name, 'puller');
  }

  producer(name: string): ScenarioProducer {
    return found(this.producers, name, 'producer');
  }

  transactionProducer(name: string): ScenarioTransactionProducer {
    return found(this.transactionProducers, name, 'transaction producer');
  }

  /** Nobody says good-bye: that would take time, and the clock stands still. */
  async [Symbol.asyncDispose](): Promise<void> {
    const clients = [this.consumers, this.pullers, this.producers, this.transactionProducers];
    for (const client of clients.flatMap((each) => [...each.values()])) client.kill();
    for (const broker of this.brokers.values()) if (broker.isRunning) await broker.kill();
    for (const server of this.nameServers.values()) if (server.isRunning) await server.kill();
    this.world[Symbol.dispose]();
  }

  /** For what may have to wait for the clock, and then for a later command. */
  inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.#failure ??= error;
    });
  }

  /** Those there are, running or not. */
  #namesrvAddr(): string {
    return Array.from(this.nameServers.values(), ({ address }) => address).join(';');
  }

  #client(instanceName: string) {
    return { namesrvAddr: this.#namesrvAddr(), clientIp: '127.0.0.1', instanceName };
  }

  /** What needs no time to pass. */
  atOnce<T>(work: Promise<T>): Promise<T> {
    return within(work, 'something that should not wait for the clock');
  }
}

function found<T>(members: ReadonlyMap<string, T>, name: string, what: string): T {
  const member = members.get(name);
  if (member === undefined) throw new Error(`there is no ${what} ${name}`);
  return member;
}
