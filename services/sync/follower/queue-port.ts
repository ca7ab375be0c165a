import type { BinlogPosition } from '../../contracts/order-binlog.ts';
import type { Message, MessageQueue } from '../../common/mq.module.ts';

/** How far a queue goes. */
export interface QueueEnd {
  readonly queue: MessageQueue;
  /** Of the next message. */
  readonly offset: number;
  /** Of the last change that the queue holds; undefined when it holds none (any more). */
  readonly position: BinlogPosition | undefined;
}

/** What the follower needs of the broker. */
export interface QueuePort {
  /** The queues that changes can go to now, sorted. Errors: those of the broker. */
  queues(): Promise<readonly MessageQueue[]>;
  /** Errors: those of the broker; StreamFault when somebody else writes into the queue. */
  end(queue: MessageQueue): Promise<QueueEnd>;
  /**
   * All are stored, in order, or none. Returns the offset of the first.
   *
   * Errors: those of the broker; then it may be either, which `end` tells.
   */
  send(queue: MessageQueue, messages: readonly Message[]): Promise<number>;
}
