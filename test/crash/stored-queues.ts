import type { MqClient } from '../../mq/client/mq-client.ts';
import { readQueue } from '../../mq/client/queue-reader.ts';
import type { Admin, MessageExt, MessageQueue } from '../../mq/index.ts';

/** What lies in the queues of the broker, read as tools do. */
export class StoredQueues {
  readonly #admin: Admin;
  readonly #client: MqClient;
  readonly #address: string;

  constructor(admin: Admin, client: MqClient, address: string) {
    this.#admin = admin;
    this.#client = client;
    this.#address = address;
  }

  async ends(topic: string, queueCount: number): Promise<number[]> {
    return Promise.all(queuesOf(topic, queueCount).map((queue) => this.#admin.maxOffset(queue)));
  }

  async starts(topic: string, queueCount: number): Promise<number[]> {
    return Promise.all(queuesOf(topic, queueCount).map((queue) => this.#admin.minOffset(queue)));
  }

  /** The records of a topic's queues from these offsets to these, which are not among them. */
  async read(
    topic: string,
    from: readonly number[],
    to: readonly number[],
  ): Promise<MessageExt[][]> {
    return Promise.all(
      queuesOf(topic, from.length).map(async (queue, queueId) => {
        const records: MessageExt[] = [];
        const stretch = { address: this.#address, queue, from: from[queueId]!, to: to[queueId]! };
        for await (const page of readQueue(this.#client, stretch)) records.push(...page);
        return records;
      }),
    );
  }
}

export function queuesOf(topic: string, queueCount: number): MessageQueue[] {
  return Array.from({ length: queueCount }, (_, queueId) => ({
    topic,
    brokerName: 'broker-a',
    queueId,
  }));
}
