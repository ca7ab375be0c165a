import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import {
  allocateStrategies,
  allocationInput,
  type AllocateMessageQueueStrategy,
  type AllocateStrategyName,
} from './allocate.ts';

/**
 * How a topic's queues come to this member: its share of them, by who else is in the group; or every one, as in broadcasting.
 * The share is undefined when the strategy failed: the member then keeps what it has.
 */
export type Allocation =
  | { readonly kind: 'everything' }
  | {
      readonly kind: 'share';
      readonly of: (
        queues: readonly MessageQueue[],
        consumerIds: readonly string[],
      ) => readonly MessageQueue[] | undefined;
    };

export const EVERYTHING: Allocation = { kind: 'everything' };

/** Errors: CONFIG_INVALID with what was given and the names there are. */
export function allocateStrategy(
  option: AllocateStrategyName | AllocateMessageQueueStrategy = 'AVG',
): AllocateMessageQueueStrategy {
  if (typeof option === 'function') return option;
  if (Object.hasOwn(allocateStrategies, option)) return allocateStrategies[option];
  throw new MqError(
    'CONFIG_INVALID',
    `allocateMessageQueueStrategy is ${option as string}, it must be a function or one of ` +
      Object.keys(allocateStrategies).join(', '),
  );
}

/** A strategy of the application may throw, or name queues that do not exist: both are logged, and change nothing. */
export function shareBy(
  strategy: AllocateMessageQueueStrategy,
  member: { consumerGroup: string; clientId: string; logger: Logger },
): Allocation {
  const { consumerGroup, clientId, logger } = member;
  const of = (queues: readonly MessageQueue[], consumerIds: readonly string[]) => {
    try {
      const input = allocationInput(consumerGroup, clientId, queues, consumerIds);
      return existing(input.queues, strategy(input));
    } catch (error) {
      logger.error('the allocate strategy failed; this member keeps the queues it has', {
        consumerGroup,
        topic: queues[0]?.topic,
        error,
      });
      return undefined;
    }
  };
  return { kind: 'share', of };
}

function existing(
  queues: readonly MessageQueue[],
  chosen: readonly MessageQueue[],
): readonly MessageQueue[] {
  const known = new Map(queues.map((queue) => [queueKey(queue), queue]));
  return chosen.map((queue) => {
    const own = known.get(queueKey(queue));
    if (own !== undefined) return own;
    throw new MqError(
      'INVALID_ARGUMENT',
      `the strategy chose ${queueKey(queue)}, which is none of the ${queues.length} queues it was given`,
    );
  });
}
