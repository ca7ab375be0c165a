import { Inject, Injectable } from '@nestjs/common';
import { Producer } from '../index.ts';
import { ListenerRunner } from './listener-runner.ts';

export interface MillraceHealthStatus {
  status: 'up' | 'down';
  /** What is down, in words; absent when up. */
  reason?: string;
}

/**
 * Tells whether this process's producer and consumers have their brokers, from what their heartbeats found;
 * asking costs no I/O. For readiness, not liveness: a restart of this process will not bring a broker back.
 */
@Injectable()
export class MillraceHealth {
  readonly #producer: Producer;
  readonly #runner: ListenerRunner;

  constructor(
    @Inject(Producer) producer: Producer,
    @Inject(ListenerRunner) runner: ListenerRunner,
  ) {
    this.#producer = producer;
    this.#runner = runner;
  }

  check(): MillraceHealthStatus {
    const reasons = [...this.#producerProblems(), ...this.#consumerProblems()];
    return reasons.length === 0
      ? { status: 'up' }
      : { status: 'down', reason: [...new Set(reasons)].join('; ') };
  }

  #producerProblems(): string[] {
    if (!this.#producer.isRunning) return ['the producer is not running'];
    // A producer that has another broker to send to is up; one that never sent has not looked for any.
    if (this.#producer.knownBrokers().length > 0) return [];
    return this.#producer.unreachableBrokers().map((address) => `broker ${address} is away`);
  }

  #consumerProblems(): string[] {
    return this.#runner.consumers.flatMap((consumer) => {
      if (!consumer.isRunning) return [`consumer group ${consumer.consumerGroup} is not running`];
      if (consumer.knownBrokers().length === 0) {
        return [`consumer group ${consumer.consumerGroup} has no broker`];
      }
      // Messages of a broker that is away wait there unseen, so one missing broker counts.
      return consumer.unreachableBrokers().map((address) => `broker ${address} is away`);
    });
  }
}
