import { type Admin, type ConsumedMessage, PushConsumer } from '../../mq/index.ts';
import { ORDERED, PLAIN } from './sends.ts';
import { queuesOf, type StoredQueues } from './stored-queues.ts';

/** What one queue has delivered to its group: all below `floor`, and some behind. */
class Delivered {
  floor = 0;
  readonly #beyond = new Set<number>();

  note(queueOffset: number): void {
    if (queueOffset < this.floor) return;
    this.#beyond.add(queueOffset);
    while (this.#beyond.delete(this.floor)) this.floor++;
  }
}

/** Two consumer groups at work, one of them in order, and how far the broker may say that they are. */
export class Readers {
  readonly #admin: Admin;
  readonly #groups: readonly Group[];

  constructor(namesrvAddr: string, admin: Admin) {
    this.#admin = admin;
    this.#groups = [
      new Group(namesrvAddr, 'readers', PLAIN, false),
      new Group(namesrvAddr, 'readers-in-order', ORDERED, true),
    ];
  }

  async start(): Promise<void> {
    for (const { consumer } of this.#groups) await consumer.start();
  }

  /** What the broker says that was never so, and what came out of order. */
  async wrong(): Promise<string[]> {
    const wrong: string[] = [];
    for (const { name, topic, queueCount, delivered, skipped } of this.#groups) {
      wrong.push(...skipped.splice(0));
      for (const queue of queuesOf(topic, queueCount)) {
        const progress = (await this.#admin.queryConsumerOffset(name, queue)) ?? 0;
        const { floor } = delivered[queue.queueId]!;
        if (progress > floor) {
          wrong.push(`${name} is at ${topic}:${queue.queueId}:${progress}, delivered was ${floor}`);
        }
      }
    }
    return wrong;
  }

  /** The groups that have not been given everything yet, in words. */
  async behind(stored: StoredQueues): Promise<string[]> {
    const behind: string[] = [];
    for (const { name, topic, queueCount, delivered } of this.#groups) {
      for (const [queueId, end] of (await stored.ends(topic, queueCount)).entries()) {
        const { floor } = delivered[queueId]!;
        if (floor < end)
          behind.push(`${name} was given ${topic}:${queueId} up to ${floor} of ${end}`);
      }
    }
    return behind;
  }

  async shutdown(): Promise<void> {
    await Promise.all(this.#groups.map(({ consumer }) => consumer.shutdown()));
  }
}

class Group {
  readonly name: string;
  readonly topic: string;
  readonly queueCount: number;
  readonly consumer: PushConsumer;
  readonly delivered: readonly Delivered[];
  readonly skipped: string[] = [];

  constructor(
    namesrvAddr: string,
    name: string,
    { topic, queueCount }: { topic: string; queueCount: number },
    isOrdered: boolean,
  ) {
    this.name = name;
    this.topic = topic;
    this.queueCount = queueCount;
    this.delivered = Array.from({ length: queueCount }, () => new Delivered());
    this.consumer = new PushConsumer({
      namesrvAddr,
      consumerGroup: name,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      persistIntervalMs: 100,
      pullBatchSize: 32,
    }).subscribe(topic);
    if (isOrdered) this.consumer.onMessageOrderly((message) => this.#consumeInOrder(message));
    else this.consumer.onMessage((message) => this.#consume(message));
  }

  #consume({ queueId, queueOffset }: ConsumedMessage): void {
    this.delivered[queueId]!.note(queueOffset);
  }

  /** What was delivered may come again after a kill, but nothing is left out. */
  #consumeInOrder(message: ConsumedMessage): void {
    const { queueId, queueOffset } = message;
    const { floor } = this.delivered[queueId]!;
    if (queueOffset > floor) {
      this.skipped.push(
        `${this.name} was given ${this.topic}:${queueId}:${queueOffset} after ${floor}`,
      );
    }
    this.#consume(message);
  }
}
