import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Metrics } from './metrics.ts';
import { Admin, type MillraceHealth } from './mq.module.ts';

interface Lag {
  labels: { group: string; topic: string };
  value: number;
}

/** A broker that does not answer must not hold the whole of /metrics up. */
const REQUEST_TIMEOUT_MS = 1_000;

/** How many messages wait for each group of this service, asked of the broker when Prometheus asks: its backlog. */
@Injectable()
export class ConsumerLag implements OnApplicationShutdown {
  readonly #namesrvAddr: string;
  readonly #health: Pick<MillraceHealth, 'consumers'>;
  #admin: Admin | undefined;

  constructor(parts: {
    namesrvAddr: string;
    health: Pick<MillraceHealth, 'consumers'>;
    metrics: Metrics;
  }) {
    this.#namesrvAddr = parts.namesrvAddr;
    this.#health = parts.health;
    parts.metrics.gauges(
      'millrace_consumer_lag_messages',
      'Messages that wait for a consumer group of this service',
      ['group', 'topic'],
      () => this.#read(),
    );
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#admin?.[Symbol.asyncDispose]();
  }

  async #read(): Promise<Lag[]> {
    this.#admin ??= new Admin({
      namesrvAddr: this.#namesrvAddr,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
    });
    const admin = this.#admin;
    const found = await Promise.all(
      this.#health.consumers().map(async ({ topic, consumerGroup }) => {
        // Before its first dead letter a group has no topic for them.
        if ((await admin.topicRoute(topic)) === undefined) return [];
        const queues = await admin.consumerProgress(consumerGroup, topic);
        // A group that has no progress yet begins at the first message there is.
        const value = queues.reduce((sum, { lag, brokerOffset }) => sum + (lag ?? brokerOffset), 0);
        return [{ labels: { group: consumerGroup, topic }, value }];
      }),
    );
    return found.flat();
  }
}
