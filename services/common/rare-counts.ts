import type { OnApplicationBootstrap } from '@nestjs/common';
import { deadLetterOutcomes, showAtZero, type Metrics } from './metrics.ts';
import type { MillraceHealth } from './mq.module.ts';

/** Shows from the start, at 0, how many dead letters there have been of each group whose dead letters this service takes up. */
export class DeadLetterCounts implements OnApplicationBootstrap {
  readonly #health: Pick<MillraceHealth, 'consumers'>;
  readonly #metrics: Metrics;

  constructor(health: Pick<MillraceHealth, 'consumers'>, metrics: Metrics) {
    this.#health = health;
    this.#metrics = metrics;
  }

  /** After that of the mq module, which Nest calls first because it is global: the consumers are known. */
  onApplicationBootstrap(): void {
    const consumers = this.#health.consumers();
    const topics = new Set(consumers.map(({ topic }) => topic));
    const groups = consumers
      .map(({ consumerGroup }) => consumerGroup)
      .filter((group) => topics.has(`%DLQ%${group}`));
    showAtZero(
      this.#metrics.deadLetters,
      groups.flatMap((group) => deadLetterOutcomes.map((outcome) => ({ group, outcome }))),
    );
  }
}
