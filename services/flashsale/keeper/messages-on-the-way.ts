import type { OnApplicationShutdown } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { Admin } from '../../common/mq.module.ts';
import { FLASH_ORDERS } from '../../contracts/flash-orders.ts';

/** How many messages each queue of FLASH_ORDERS had at a time. */
export type Mark = ReadonlyMap<string, number>;

/** Tells whether the keepers have taken in what was sent to them. */
export class MessagesOnTheWay implements OnApplicationShutdown {
  readonly #dataSource: DataSource;
  readonly #admin: Pick<Admin, 'consumerProgress' | 'shutdown'>;
  readonly #consumerGroup: string;

  constructor(parts: {
    dataSource: DataSource;
    /** Its own: it is shut down with it. */
    admin: Pick<Admin, 'consumerProgress' | 'shutdown'>;
    consumerGroup: string;
  }) {
    this.#dataSource = parts.dataSource;
    this.#admin = parts.admin;
    this.#consumerGroup = parts.consumerGroup;
  }

  onApplicationShutdown(): Promise<void> {
    return this.#admin.shutdown();
  }

  /** How far everything reaches that was sent by now; undefined while some of it waits in the outbox. Errors: the client's. */
  async mark(): Promise<Mark | undefined> {
    const waiting: unknown[] = await this.#dataSource.query(
      'SELECT 1 FROM outbox_messages WHERE sent_at IS NULL AND topic = ? LIMIT 1',
      [FLASH_ORDERS],
    );
    if (waiting.length > 0) return undefined;
    return new Map(
      (await this.#progress()).map(({ queue, brokerOffset }) => [queue, brokerOffset]),
    );
  }

  /** Have all messages up to there come to their end? Errors: the client's. */
  async hasCome(mark: Mark): Promise<boolean> {
    const consumed = new Map(
      (await this.#progress()).map(({ queue, consumerOffset }) => [queue, consumerOffset]),
    );
    return [...mark].every(([queue, brokerOffset]) => (consumed.get(queue) ?? 0) >= brokerOffset);
  }

  async #progress(): Promise<
    { queue: string; brokerOffset: number; consumerOffset: number | undefined }[]
  > {
    const progress = await this.#admin.consumerProgress(this.#consumerGroup, FLASH_ORDERS);
    return progress.map(({ messageQueue: { brokerName, queueId }, ...offsets }) => ({
      queue: `${brokerName} ${queueId}`,
      ...offsets,
    }));
  }
}
