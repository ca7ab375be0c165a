import { MqError } from '../errors.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { Delivering, Delivery } from './consume-dispatcher.ts';
import type { ConsumedMessage } from './consumed-message.ts';

/** What was fetched of one queue and waits to be handed out, in order. */
interface Line {
  readonly deliveries: Delivery[];
  /** Index of the first that was not handed out. */
  head: number;
}

/**
 * What a pull consumer has fetched and not handed out yet: a line a queue, served in turn.
 *
 * Handing a message out finishes it in its Delivering, so that the queue's commit offset is where the next one is handed out.
 * Lines whose Delivering was dropped count for nothing and are forgotten at the next occasion.
 */
export class PrefetchedMessages {
  readonly #lines = new Map<Delivering, Line>();
  /** Keys of the queues of which nothing is handed out for now, and how often that was asked for. */
  readonly #withheld = new Map<string, number>();
  readonly #onHandOut: (queue: MessageQueue) => void;
  #count = 0;

  /** `onHandOut` is told of each queue that something is handed out of. */
  constructor(onHandOut: (queue: MessageQueue) => void) {
    this.#onHandOut = onHandOut;
  }

  /** Messages that wait. */
  get count(): number {
    return this.#count;
  }

  /** Takes in what one pull brought, all of one queue. */
  submit(deliveries: readonly Delivery[]): void {
    this.forgetDropped();
    const processQueue = deliveries[0]?.processQueue;
    if (processQueue === undefined) return;
    const line = this.#lines.get(processQueue) ?? { deliveries: [], head: 0 };
    line.deliveries.push(...deliveries);
    this.#lines.set(processQueue, line);
    this.#count += deliveries.length;
  }

  /**
   * Hands out up to `maxCount` messages, of the queue whose turn it is and then of the next ones.
   *
   * Errors: MESSAGE_CORRUPT for a message that cannot be read, once, when it is the first to be handed out; it is passed over.
   */
  take(maxCount: number): ConsumedMessage[] {
    this.forgetDropped();
    const taken: ConsumedMessage[] = [];
    // A line that was served comes last, and once more if there is time: it is empty then, or ends in what nobody can read.
    for (const [processQueue, line] of this.#lines) {
      if (taken.length === maxCount) break;
      if (this.#withheld.has(queueKey(processQueue.queue))) continue;
      const delivery = line.deliveries[line.head];
      if (delivery?.message === undefined && taken.length > 0) break;
      this.#onHandOut(processQueue.queue);
      const { messages, unread } = this.#takeFrom(processQueue, line, maxCount - taken.length);
      this.#serveNextTime(processQueue, line);
      if (unread !== undefined) throw unreadable(unread);
      taken.push(...messages);
    }
    return taken;
  }

  /** Ends before a message that cannot be read, unless it is the first. */
  #takeFrom(
    processQueue: Delivering,
    line: Line,
    maxCount: number,
  ): { messages: ConsumedMessage[]; unread?: Delivery } {
    const messages: ConsumedMessage[] = [];
    while (messages.length < maxCount) {
      const delivery = line.deliveries[line.head];
      if (delivery === undefined) break;
      if (delivery.message === undefined && messages.length > 0) break;
      line.head++;
      this.#count--;
      processQueue.finish(delivery.record.queueOffset);
      if (delivery.message === undefined) return { messages, unread: delivery };
      messages.push(delivery.message);
    }
    return { messages };
  }

  /** Hands out nothing of this queue until the function returned is called. */
  withhold(queue: MessageQueue): () => void {
    const key = queueKey(queue);
    const change = (by: number): void => {
      const times = (this.#withheld.get(key) ?? 0) + by;
      if (times === 0) this.#withheld.delete(key);
      else this.#withheld.set(key, times);
    };
    change(1);
    return () => change(-1);
  }

  forgetDropped(): void {
    for (const [processQueue, line] of this.#lines) {
      if (!processQueue.isDropped) continue;
      this.#lines.delete(processQueue);
      this.#count -= line.deliveries.length - line.head;
    }
  }

  /** Moves the line behind the others. */
  #serveNextTime(processQueue: Delivering, line: Line): void {
    this.#lines.delete(processQueue);
    if (line.head === line.deliveries.length) return;
    // Cut off in large pieces: shifting one by one would move the whole array each time.
    if (line.head > 1024) line.head -= line.deliveries.splice(0, line.head).length;
    this.#lines.set(processQueue, line);
  }
}

function unreadable({ record, processQueue, fault }: Delivery): MqError {
  const { topic, brokerName, queueId } = processQueue.queue;
  const { queueOffset, msgId } = record;
  return new MqError(
    'MESSAGE_CORRUPT',
    `message ${msgId} at offset ${queueOffset} of ${queueKey(processQueue.queue)} cannot be read and is passed over: ` +
      (fault?.message ?? 'nobody said why'),
    { details: { topic, brokerName, queueId, queueOffset, msgId }, cause: fault },
  );
}
