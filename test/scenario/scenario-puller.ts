import { LitePullConsumer, type LitePullConsumerOptions } from '../../mq/index.ts';
import type { SimulatedProcess } from './world.ts';

/** A consumer that polls when it is told to. */
export class ScenarioPuller {
  readonly #process: SimulatedProcess;
  readonly #consumer: LitePullConsumer;

  constructor(process: SimulatedProcess, options: LitePullConsumerOptions) {
    this.#process = process;
    this.#consumer = new LitePullConsumer({ ...options, clock: process.clock });
  }

  run<T>(work: (consumer: LitePullConsumer) => T): T {
    return this.#process.run(() => work(this.#consumer));
  }

  kill(): void {
    this.#process.kill();
  }

  cutOff(): void {
    this.#process.cutOff();
  }

  reconnect(): void {
    this.#process.reconnect();
  }
}
