import {
  TransactionProducer,
  type ClientOptions,
  type LocalTransactionState,
  type Message,
} from '../../mq/index.ts';
import type { SimulatedProcess } from './world.ts';

/** A producer whose local transactions wait until they are told how they end, and whose checks answer as told. */
export class ScenarioTransactionProducer {
  readonly #process: SimulatedProcess;
  readonly #producer: TransactionProducer;
  readonly #local = new Map<string, (state: LocalTransactionState) => void>();
  readonly #answers = new Map<string, LocalTransactionState>();
  readonly #asked: string[] = [];
  #seen = 0;

  constructor(process: SimulatedProcess, producerGroup: string, options: ClientOptions) {
    this.#process = process;
    this.#producer = new TransactionProducer({
      ...options,
      clock: process.clock,
      producerGroup,
      checkLocalTransaction: (message) => {
        const name = message.text();
        this.#asked.push(name);
        return this.#answers.get(name) ?? 'UNKNOW';
      },
    });
  }

  start(): Promise<void> {
    return this.#process.run(() => this.#producer.start());
  }

  /** Resolves when the half message is stored and the local transaction runs; it then waits for `end`. */
  begin(message: Message, immunitySeconds: number | undefined): Promise<void> {
    const name = String(message.body);
    return new Promise((resolve, reject) => {
      const local = (): Promise<LocalTransactionState> => {
        resolve();
        return new Promise((settle) => this.#local.set(name, settle));
      };
      this.#process
        .run(() =>
          this.#producer.sendMessageInTransaction(message, local, {
            ...(immunitySeconds !== undefined && { checkImmunityTimeSeconds: immunitySeconds }),
          }),
        )
        .then(() => resolve(), reject);
    });
  }

  end(name: string, state: LocalTransactionState): void {
    const settle = this.#local.get(name);
    if (settle === undefined) throw new Error(`no local transaction of ${name} runs here`);
    this.#local.delete(name);
    this.#process.run(() => settle(state));
  }

  answer(name: string, state: LocalTransactionState): void {
    this.#answers.set(name, state);
  }

  /** Whose transactions it was asked after since this was last taken. */
  news(): string[] {
    return this.#asked.slice(this.#seen);
  }

  takeNews(): void {
    this.#seen = this.#asked.length;
  }

  leave(): void {
    void this.#process.run(() => this.#producer.shutdown());
  }

  kill(): void {
    this.#process.kill();
  }
}
