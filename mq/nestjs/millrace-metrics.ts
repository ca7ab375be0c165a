import { Inject, Injectable } from '@nestjs/common';
import type { ConsumeMetrics, SendMetrics } from '../index.ts';
import { ListenerRunner } from './listener-runner.ts';

/** One of the two producers that the module may have. */
export interface ProducerNumbers {
  readonly producer: 'plain' | 'transactional';
  readonly metrics: SendMetrics;
}

/** One group that consumes one topic; dead letters have a group of their own. */
export interface ConsumerNumbers {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly metrics: ConsumeMetrics;
}

/** What this process's producers and consumers have done, for whatever exports it; asking costs no I/O. */
@Injectable()
export class MillraceMetrics {
  readonly #runner: ListenerRunner;

  constructor(@Inject(ListenerRunner) runner: ListenerRunner) {
    this.#runner = runner;
  }

  producers(): readonly ProducerNumbers[] {
    const { producer, transactionProducer } = this.#runner;
    const plain = { producer: 'plain', metrics: producer.metrics() } as const;
    const transactional = transactionProducer?.metrics();
    if (transactional === undefined) return [plain];
    return [plain, { producer: 'transactional', metrics: transactional }];
  }

  /** Empty before the application has started. */
  consumers(): readonly ConsumerNumbers[] {
    return this.#runner.consumers.map(({ topic, consumer }) => ({
      topic,
      consumerGroup: consumer.consumerGroup,
      metrics: consumer.metrics(),
    }));
  }
}
