import {
  ORDER_BINLOG,
  positionOfProperties,
  type BinlogPosition,
} from '../../contracts/order-binlog.ts';
import { DomainError } from '../../common/errors.ts';
import type { LitePullConsumer, Message, MessageQueue, Producer } from '../../common/mq.module.ts';
import type { QueueEnd, QueuePort } from './queue-port.ts';
import { StreamFault } from './stream-fault.ts';

/** The queues of ORDER_BINLOG. */
export class BinlogQueues implements QueuePort {
  readonly #producer: Pick<Producer, 'queues' | 'send' | 'sendBatch'>;
  readonly #consumer: LitePullConsumer;

  /** `consumer`: of a group that consumes nothing; it only looks at the ends of queues. */
  constructor(
    producer: Pick<Producer, 'queues' | 'send' | 'sendBatch'>,
    consumer: LitePullConsumer,
  ) {
    this.#producer = producer;
    this.#consumer = consumer;
  }

  queues(): Promise<readonly MessageQueue[]> {
    return this.#producer.queues(ORDER_BINLOG);
  }

  async end(queue: MessageQueue): Promise<QueueEnd> {
    await this.#consumer.start();
    const offset = await this.#consumer.maxOffset(queue);
    return { queue, offset, position: await this.#lastPosition(queue, offset) };
  }

  async #lastPosition(queue: MessageQueue, end: number): Promise<BinlogPosition | undefined> {
    if (end <= (await this.#consumer.minOffset(queue))) return undefined;
    const { messages } = await this.#consumer.pull(queue, end - 1, { maxCount: 1 });
    const [last] = messages;
    // Deleted between the two questions.
    if (last === undefined) return undefined;
    const position = positionOfProperties(last.properties);
    if (position !== undefined) return position;
    throw new StreamFault(
      'SYNC.FOREIGN_MESSAGE',
      `the last message of queue ${nameOf(queue)} says no position: somebody else sends to ${ORDER_BINLOG}`,
    );
  }

  async send(queue: MessageQueue, messages: readonly Message[]): Promise<number> {
    const [first] = messages;
    const sent =
      messages.length === 1
        ? await this.#producer.send(first!, { queue })
        : await this.#producer.sendBatch(messages, { queue });
    if (sent.status === 'SEND_OK') return sent.queueOffset;
    throw new DomainError(
      'SYNC.NOT_STORED_SAFELY',
      'unavailable',
      `queue ${nameOf(queue)} answers ${sent.status}`,
    );
  }
}

export function nameOf({ brokerName, queueId }: MessageQueue): string {
  return `${brokerName}:${queueId}`;
}
