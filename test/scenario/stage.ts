import { NameServer } from '../../mq/namesrv/name-server.ts';
import { nameServerConfig } from '../../mq/namesrv/config.ts';
import type { Message, PushConsumerOptions } from '../../mq/index.ts';
import type { BrokerConfig } from '../../mq/server.ts';
import { within } from '../support/deadline.ts';
import { Operator } from './operator.ts';
import { ScenarioBroker } from './scenario-broker.ts';
import { ScenarioConsumer } from './scenario-consumer.ts';
import { ScenarioProducer } from './scenario-producer.ts';
import { ScenarioTransactionProducer } from './scenario-transaction-producer.ts';
import { World } from './world.ts';

export interface Sent {
  topic: string;
  recallHandle: string | undefined;
}

/** Everybody who takes part in one scenario, by name. */
export class Stage implements AsyncDisposable {
  readonly brokers = new Map<string, ScenarioBroker>();
  readonly consumers = new Map<string, ScenarioConsumer>();
  readonly producers = new Map<string, ScenarioProducer>();
  readonly transactionProducers = new Map<string, ScenarioTransactionProducer>();
  /** Messages that were sent, by their bodies. */
  readonly sent = new Map<string, Sent>();
  readonly operator: Operator;
  readonly world: World;
  readonly #nameServer: NameServer;
  #failure: unknown;

  private constructor(world: World, nameServer: NameServer) {
    this.world = world;
    this.#nameServer = nameServer;
    this.operator = new Operator(world.process(), nameServer.address);
  }

  static async set(): Promise<Stage> {
    const world = new World();
    const process = world.process();
    const nameServer = await process.run(() =>
      NameServer.start(nameServerConfig({ listenPort: 0, kvConfigPath: '' }), {
        clock: process.clock,
      }),
    );
    return new Stage(world, nameServer);
  }

  async addBroker(brokerName: string, settings: Partial<BrokerConfig>): Promise<void> {
    const broker = new ScenarioBroker(this.world, {
      brokerName,
      namesrvAddr: this.#nameServer.address,
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
      isOrderly: boolean;
    },
  ): void {
    const consumer = new ScenarioConsumer(this.world.process(), {
      ...this.#client(name),
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      ...options,
    });
    this.consumers.set(name, consumer);
    this.#inBackground(consumer.start());
  }

  async addProducer(name: string, producerGroup: string): Promise<void> {
    const producer = new ScenarioProducer(this.world.process(), producerGroup, this.#client(name));
    this.producers.set(name, producer);
    await this.#atOnce(producer.start());
  }

  async addTransactionProducer(name: string, producerGroup: string): Promise<void> {
    const process = this.world.process();
    const producer = new ScenarioTransactionProducer(process, producerGroup, this.#client(name));
    this.transactionProducers.set(name, producer);
    await this.#atOnce(producer.start());
  }

  async send(
    name: string,
    message: Message,
    queue: { brokerName: string; queueId: number } | undefined,
  ): Promise<void> {
    const { topic } = message;
    const sending = this.producer(name).send(
      message,
      queue === undefined ? {} : { queue: { topic, ...queue } },
    );
    const { recallHandle } = await this.#atOnce(sending);
    this.sent.set(String(message.body), { topic, recallHandle });
  }

  /** Errors: that of something a former command began. */
  assertNothingFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  broker(name: string): ScenarioBroker {
    return found(this.brokers, name, 'broker');
  }

  consumer(name: string): ScenarioConsumer {
    return found(this.consumers, name, 'consumer');
  }

  producer(name: string): ScenarioProducer {
    return found(this.producers, name, 'producer');
  }

  transactionProducer(name: string): ScenarioTransactionProducer {
    return found(this.transactionProducers, name, 'transaction producer');
  }

  /** Nobody says good-bye: that would take time, and the clock stands still. */
  async [Symbol.asyncDispose](): Promise<void> {
    const clients = [this.consumers, this.producers, this.transactionProducers];
    for (const client of clients.flatMap((each) => [...each.values()])) client.kill();
    for (const broker of this.brokers.values()) if (broker.isRunning) await broker.kill();
    await this.#nameServer.close();
    this.world[Symbol.dispose]();
  }

  /** For what may have to wait for the clock, and then for a later command. */
  #inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.#failure ??= error;
    });
  }

  #client(instanceName: string) {
    return { namesrvAddr: this.#nameServer.address, clientIp: '127.0.0.1', instanceName };
  }

  /** What needs no time to pass. */
  #atOnce<T>(work: Promise<T>): Promise<T> {
    return within(work, 'something that should not wait for the clock');
  }
}

function found<T>(members: ReadonlyMap<string, T>, name: string, what: string): T {
  const member = members.get(name);
  if (member === undefined) throw new Error(`there is no ${what} ${name}`);
  return member;
}
