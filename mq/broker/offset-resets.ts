import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { requestCommand } from '../protocol/frame.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { resetConsumerClientOffset } from '../protocol/requests/reset-consumer-client-offset.ts';
import { encodeResetOffsets } from '../protocol/reset-offset-body.ts';
import type { ConsumerManager } from './consumer-manager.ts';
import type { ConsumerOffsets, GroupQueue } from './consumer-offsets.ts';
import type { LongPolling } from './long-polling.ts';
import type { PendingReset, PullPosition } from './pending-reset.ts';

export interface OffsetResetsDeps {
  readonly offsets: ConsumerOffsets;
  readonly consumers: ConsumerManager;
  readonly longPolling: LongPolling;
  readonly brokerName: string;
  /** Wakes members that do not pull. */
  readonly onReset: (queue: GroupQueue) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Where one group goes on in one topic. */
export interface OffsetReset {
  readonly group: string;
  readonly topic: string;
  /** As the tool gave it, for the log of the members. */
  readonly timestampMs: number;
  readonly isForced: boolean;
  /** By queueId. */
  readonly targets: ReadonlyMap<number, number>;
}

/** A member that pulls has done so by now, unless it has fetched so much that it pulls no more until it has consumed it. */
const NOTICE_MS = 3_000;

/**
 * Moves consumer groups, running or not, to other places in their queues.
 *
 * The broker keeps the new place and answers the members' next pulls, those it holds included, with PULL_OFFSET_MOVED until
 * one of them is there. A member that does not pull is told by RESET_CONSUMER_CLIENT_OFFSET: its listener may be stuck
 * at the very messages that are to be skipped.
 */
export class OffsetResets {
  readonly #deps: OffsetResetsDeps;
  readonly #timers = new Set<TimerHandle>();

  constructor(deps: OffsetResetsDeps) {
    this.#deps = deps;
  }

  /**
   * Order:  settles when the new places are on disk. Members that pull meanwhile are told already; those that wait, then.
   * Errors: SYSTEM_ERROR when they cannot be saved. They count all the same, until a crash.
   */
  async assign(reset: OffsetReset): Promise<void> {
    const { offsets, longPolling, logger } = this.#deps;
    const { group, topic, targets } = reset;
    for (const [queueId, queueOffset] of targets) {
      const queue = { group, topic, queueId };
      logger.warn('a group is reset', {
        ...queue,
        from: offsets.query(group, topic, queueId),
        to: queueOffset,
      });
      offsets.reset(queue, queueOffset);
    }
    try {
      await offsets.persist();
    } catch (cause) {
      throw new MqError(
        'SYSTEM_ERROR',
        `${group} goes on elsewhere in ${topic}, but that could not be saved and does not outlive the broker`,
        { cause, retriable: true },
      );
    } finally {
      for (const queueId of targets.keys()) {
        longPolling.wake(topic, queueId);
        this.#deps.onReset({ group, topic, queueId });
      }
      this.#noticeLater(reset);
    }
  }

  /**
   * Where a pull has to go instead of being served, when its group was reset. Its answer must say so: it counts as told.
   */
  movesPull(queue: GroupQueue, pull: PullPosition, connection: object): number | undefined {
    const { offsets, logger } = this.#deps;
    const reset = offsets.pendingReset(queue);
    if (reset === undefined) return undefined;
    if (!reset.isTakenOverBy(pull, connection)) {
      reset.tell(connection, pull);
      return reset.queueOffset;
    }
    logger.info('a member has taken over a reset', {
      ...queue,
      resetTo: reset.queueOffset,
      pullsAt: pull.queueOffset,
    });
    offsets.endReset(queue);
    return undefined;
  }

  /** Returns the pending reset's place and ends it, for a queue that the broker itself fetches for the group. */
  take(queue: GroupQueue): number | undefined {
    const reset = this.#deps.offsets.pendingReset(queue);
    if (reset !== undefined) this.#deps.offsets.endReset(queue);
    return reset?.queueOffset;
  }

  /** Tells every member by RESET_CONSUMER_CLIENT_OFFSET, in the form its language reads. Returns how many there are. */
  pushToMembers({ group, topic, timestampMs, isForced, targets }: OffsetReset): number {
    const { consumers, brokerName, logger } = this.#deps;
    const table = new Map(
      Array.from(targets, ([queueId, queueOffset]): [MessageQueue, number] => [
        { topic, brokerName, queueId },
        queueOffset,
      ]),
    );
    const members = [...(consumers.get(group)?.members.values() ?? [])];
    for (const { channel, clientId, language } of members) {
      const command = requestCommand({
        code: resetConsumerClientOffset.code,
        extFields: resetConsumerClientOffset.encodeRequest({
          topic,
          group,
          timestamp: timestampMs,
          isForce: isForced,
        }),
        body: encodeResetOffsets(table, language),
      });
      channel.oneway(command).catch((cause: unknown) =>
        logger.debug('a member could not be told that its group was reset', {
          group,
          clientId,
          cause,
        }),
      );
    }
    return members.length;
  }

  close(): void {
    for (const timer of this.#timers) this.#deps.clock.clearTimeout(timer);
    this.#timers.clear();
  }

  #noticeLater(reset: OffsetReset): void {
    const { clock, offsets } = this.#deps;
    const { group, topic } = reset;
    const pending = new Map<number, PendingReset>();
    for (const queueId of reset.targets.keys()) {
      const one = offsets.pendingReset({ group, topic, queueId });
      if (one !== undefined) pending.set(queueId, one);
    }
    if (pending.size === 0) return;
    const timer = clock.setTimeout(() => {
      this.#timers.delete(timer);
      const isUnheard = (queueId: number): boolean => {
        const one = pending.get(queueId);
        // Another reset of the same queue has its own notice.
        const isStill = offsets.pendingReset({ group, topic, queueId }) === one;
        return one !== undefined && isStill && !one.isTold;
      };
      const targets = new Map([...reset.targets].filter(([queueId]) => isUnheard(queueId)));
      if (targets.size > 0) this.pushToMembers({ ...reset, targets });
    }, NOTICE_MS);
    timer.unref();
    this.#timers.add(timer);
  }
}
