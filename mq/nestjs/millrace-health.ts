import { Inject, Injectable } from '@nestjs/common';
import { isDeadLetter } from '../index.ts';
import { ListenerRunner } from './listener-runner.ts';

export interface MillraceHealthStatus {
  status: 'up' | 'down';
  /** What is down, in words; absent when up. */
  reason?: string;
}

/**
 * Tells whether this process's producers and consumers have their brokers, from what their heartbeats found;
 * asking costs no I/O. For readiness, not liveness: a restart of this process will not bring a broker back.
 */
@Injectable()
export class MillraceHealth {
  readonly #runner: ListenerRunner;

  constructor(@Inject(ListenerRunner) runner: ListenerRunner) {
    this.#runner = runner;
  }

  /** Which groups of this process consume what, those of dead letters included. Empty before it has started. */
  consumers(): readonly { topic: string; consumerGroup: string }[] {
    return this.#runner.consumers.map(({ topic, consumer }) => ({
      topic,
      consumerGroup: consumer.consumerGroup,
    }));
  }

  check(): MillraceHealthStatus {
    const reasons = [
      ...this.#producerProblems(),
      ...this.#transactionProblems(),
      ...this.#consumerProblems(),
    ];
    return reasons.length === 0
      ? { status: 'up' }
      : { status: 'down', reason: [...new Set(reasons)].join('; ') };
  }

  #producerProblems(): string[] {
    const { producer } = this.#runner;
    if (!producer.isRunning) return ['the producer is not running'];
    // A producer that has another broker to send to is up; one that never sent has not looked for any.
    if (producer.knownBrokers().length > 0) return [];
    return producer.unreachableBrokers().map((address) => `broker ${address} is away`);
  }

  #transactionProblems(): string[] {
    const producer = this.#runner.transactionProducer;
    if (producer === undefined) return [];
    const group = `transaction group ${producer.producerGroup}`;
    if (!producer.isRunning) return [`${group} is not running`];
    // It looks for all brokers at its start, not at its first send: they may have questions.
    return producer.knownBrokers().length > 0 ? [] : [`${group} has no broker`];
  }

  #consumerProblems(): string[] {
    return this.#runner.consumers.flatMap(({ topic, consumer }) => {
      if (!consumer.isRunning) return [`consumer group ${consumer.consumerGroup} is not running`];
      // Before the first dead letter there is no such topic, hence nobody who has it and nothing that waits.
      if (consumer.knownBrokers().length === 0 && !isDeadLetter({ topic })) {
        return [`consumer group ${consumer.consumerGroup} has no broker`];
      }
      // Messages of a broker that is away wait there unseen, so one missing broker counts.
      return consumer.unreachableBrokers().map((address) => `broker ${address} is away`);
    });
  }
}
