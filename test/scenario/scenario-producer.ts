import {
  Producer,
  type ProducerOptions,
  type Message,
  type SendOptions,
  type SendResult,
} from '../../mq/index.ts';
import type { SimulatedProcess } from './world.ts';

/** A plain producer. */
export class ScenarioProducer {
  readonly #process: SimulatedProcess;
  readonly #producer: Producer;

  constructor(process: SimulatedProcess, options: ProducerOptions) {
    this.#process = process;
    this.#producer = new Producer({ ...options, clock: process.clock });
  }

  start(): Promise<void> {
    return this.#process.run(() => this.#producer.start());
  }

  send(message: Message, options: SendOptions = {}): Promise<SendResult> {
    return this.#process.run(() => this.#producer.send(message, options));
  }

  recall(topic: string, recallHandle: string): Promise<string> {
    return this.#process.run(() => this.#producer.recall(topic, recallHandle));
  }

  leave(): void {
    void this.#process.run(() => this.#producer.shutdown());
  }

  kill(): void {
    this.#process.kill();
  }
}
