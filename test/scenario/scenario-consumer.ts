import {
  PushConsumer,
  type ConsumedMessage,
  type MessageQueue,
  type PushConsumerOptions,
} from '../../mq/index.ts';
import type { SimulatedProcess } from './world.ts';

/** What a listener does with a message until it is told otherwise. */
export type Behaviour = 'consumes' | 'fails' | 'hangs';

/** A consumer whose listener does as it is told, and writes down what it got. */
export class ScenarioConsumer {
  readonly #process: SimulatedProcess;
  readonly #member: PushConsumer;
  readonly #behaviours = new Map<string, Behaviour>();
  readonly #held = new Map<string, () => void>();
  readonly #got: ConsumedMessage[] = [];
  #seen = 0;

  constructor(
    process: SimulatedProcess,
    options: PushConsumerOptions & { topics: readonly string[]; isOrderly: boolean },
  ) {
    const { topics, isOrderly, ...consumerOptions } = options;
    this.#process = process;
    this.#member = new PushConsumer({ ...consumerOptions, clock: process.clock });
    for (const topic of topics) this.#member.subscribe(topic);
    const listener = (message: ConsumedMessage): Promise<void> => this.#consume(message);
    if (isOrderly) this.#member.onMessageOrderly(listener);
    else this.#member.onMessage(listener);
  }

  start(): Promise<void> {
    return this.#process.run(() => this.#member.start());
  }

  /** Not waited for: a listener may hang, and be waited for as long as the clock does not move. */
  leave(): void {
    void this.#process.run(() => this.#member.shutdown());
  }

  kill(): void {
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
