import {
  PushConsumer,
  type AckUpTo,
  type ConsumedMessage,
  type FlowControlledQueue,
  type MessageQueue,
  type MessageSelector,
  type PushConsumerOptions,
} from '../../mq/index.ts';
import type { FaultyFiles } from '../support/faulty-files.ts';
import type { SimulatedProcess } from './world.ts';

/** What a listener does with a message until it is told otherwise. */
export type Behaviour = 'consumes' | 'fails' | 'hangs';

/** A consumer, on a disk that outlives it, whose listener does as it is told, and writes down what it got. */
export class ScenarioConsumer {
  readonly #process: SimulatedProcess;
  readonly #disk: FaultyFiles;
  readonly #member: PushConsumer;
  readonly #behaviours = new Map<string, Behaviour>();
  readonly #held = new Map<string, () => void>();
  readonly #got: ConsumedMessage[] = [];
  #seen = 0;

  constructor(
    process: SimulatedProcess,
    disk: FaultyFiles,
    options: PushConsumerOptions & {
      topics: readonly string[];
      /** Of each topic. Default: all messages. */
      selector?: MessageSelector;
      isOrderly: boolean;
    },
  ) {
    const { topics, selector, isOrderly, ...consumerOptions } = options;
    this.#process = process;
    this.#disk = disk;
    this.#member = new PushConsumer({
      ...consumerOptions,
      ...(options.messageModel === 'BROADCASTING' && { offsetStoreDir: '/offsets' }),
      files: disk.process(),
      clock: process.clock,
    });
    for (const topic of topics) this.#member.subscribe(topic, selector);
    const one = (message: ConsumedMessage): Promise<void> => this.#consume(message);
    if (options.consumeMessageBatchMaxSize !== undefined) {
      if (isOrderly) this.#member.onMessagesOrderly((messages) => this.#consumeInOrder(messages));
      else this.#member.onMessages((messages) => Promise.allSettled(messages.map(one)));
    } else if (isOrderly) this.#member.onMessageOrderly(one);
    else this.#member.onMessage(one);
  }

  start(): Promise<void> {
    return this.#process.run(() => this.#member.start());
  }

  /** Not waited for: a listener may hang, and be waited for as long as the clock does not move. */
  leave(): void {
    void this.#process.run(() => this.#member.shutdown());
  }

  kill(): void {
    this.#disk.killProcess();
    this.#process.kill();
  }

  /** As `kill`, and of its disk only what was fsynced is left for sure. */
  cutPower(): void {
    this.#disk.cutPower();
    this.#process.kill();
  }

  cutOff(): void {
    this.#process.cutOff();
  }

  silence(): void {
    this.#process.silence();
  }

  reconnect(): void {
    this.#process.reconnect();
  }

  set(body: string, behaviour: Behaviour): void {
    this.#behaviours.set(body, behaviour);
    if (behaviour === 'hangs') return;
    this.#held.get(body)?.();
    this.#held.delete(body);
  }

  subscribe(topic: string, selector: MessageSelector): void {
    this.#process.run(() => this.#member.subscribe(topic, selector));
  }

  suspend(): void {
    this.#process.run(() => this.#member.suspend());
  }

  resume(): void {
    this.#process.run(() => this.#member.resume());
  }

  setConcurrency(concurrency: number): void {
    this.#process.run(() => this.#member.setConcurrency(concurrency));
  }

  flowControlled(): FlowControlledQueue[] {
    return this.#member.flowControlled();
  }

  get droppedCount(): number {
    return this.#member.droppedCount;
  }

  owns(): MessageQueue[] {
    return this.#member.assignedQueues();
  }

  /** What it got since this was last taken. */
  news(): ConsumedMessage[] {
    return this.#got.slice(this.#seen);
  }

  takeNews(): void {
    this.#seen = this.#got.length;
  }

  /** One after the other, up to the first that fails. */
  async #consumeInOrder(messages: readonly ConsumedMessage[]): Promise<AckUpTo> {
    for (const [index, message] of messages.entries()) {
      try {
        await this.#consume(message);
      } catch {
        return { ackIndex: index - 1 };
      }
    }
    return { ackIndex: messages.length - 1 };
  }

  async #consume(message: ConsumedMessage): Promise<void> {
    if (this.#process.isKilled) return new Promise(() => undefined);
    const body = message.text();
    this.#got.push(message);
    if (this.#behaviour(body) === 'hangs') {
      await new Promise<void>((resolve) => this.#held.set(body, resolve));
    }
    if (this.#behaviour(body) === 'fails') throw new Error(`told to fail at ${body}`);
  }

  #behaviour(body: string): Behaviour {
    return this.#behaviours.get(body) ?? this.#behaviours.get('everything') ?? 'consumes';
  }
}
