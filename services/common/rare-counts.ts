import type { OnApplicationBootstrap } from '@nestjs/common';
import { deadLetterOutcomes, showAtZero, type Metrics } from './metrics.ts';
import type { MillraceHealth } from './mq.module.ts';

/**
 * Shows from the start, at 0, what is rare in the groups of a service: dead letters of those whose dead letters it takes up, and
 * parked messages of those that consume in order, which have no dead letters.
 */
export class RareCounts implements OnApplicationBootstrap {
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
    const hasDeadLetters = (group: string): boolean => topics.has(`%DLQ%${group}`);
    const groups = consumers
      .filter(({ topic }) => !topic.startsWith('%DLQ%'))
      .map(({ consumerGroup }) => consumerGroup);
    showAtZero(
      this.#metrics.deadLetters,
      groups
        .filter(hasDeadLetters)
        .flatMap((group) => deadLetterOutcomes.map((outcome) => ({ group, outcome }))),
    );
    showAtZero(
      this.#metrics.messagesConsumed,
      groups
        .filter((group) => !hasDeadLetters(group))
        .map((group) => ({ group, outcome: 'parked' })),
    );
  }
}
