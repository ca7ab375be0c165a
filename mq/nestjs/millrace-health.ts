import { Inject, Injectable } from '@nestjs/common';
import { Producer } from '../index.ts';
import { ListenerRunner } from './listener-runner.ts';

export interface MillraceHealthStatus {
  status: 'up' | 'down';
  /** What is down, in words; absent when up. */
  reason?: string;
}

/** Tells whether this process can reach a broker. For readiness, not liveness: a restart will not help. */
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
    const clients = [this.#producer, ...this.#runner.consumers];
    const reasons = clients.flatMap((client) => {
      const { isHealthy, reason } = client.health();
      return isHealthy ? [] : [reason];
    });
    return reasons.length === 0
      ? { status: 'up' }
      : { status: 'down', reason: [...new Set(reasons)].join('; ') };
  }
}
