import type { DataSource } from 'typeorm';
import type { BinlogPosition } from '../../contracts/order-binlog.ts';
import type { Clock } from '../../common/clock.ts';
import type { MessageQueue } from '../../common/mq.module.ts';

/** A queue, and how much of it the broker has acknowledged: less than that, and changes are lost. */
export interface PublishedQueue {
  readonly queue: MessageQueue;
  readonly endOffset: number;
}

/** Where a stream goes on. */
export interface Checkpoint {
  /** Everything before it is published, in these queues. */
  readonly position: BinlogPosition;
  /**
   * All queues of the topic as they were when the stream began. Which of them an order's changes go to depends on all of
   * them: with other queues, later changes could overtake earlier ones.
   */
  readonly queues: readonly PublishedQueue[];
}

/** Keeps the positions of streams in the service's own database. Errors: the database's. */
export class Checkpoints {
  readonly #dataSource: DataSource;
  readonly #clock: Clock;

  constructor(dataSource: DataSource, clock: Clock) {
    this.#dataSource = dataSource;
    this.#clock = clock;
  }

  async find(stream: string): Promise<Checkpoint | undefined> {
    const [row]: { binlogFile: string; binlogOffset: string; queues: string }[] =
      await this.#dataSource.query(
        `SELECT binlog_file AS binlogFile, binlog_offset AS binlogOffset, queues
         FROM stream_checkpoints WHERE stream = ?`,
        [stream],
      );
    if (row === undefined) return undefined;
    return {
      position: { file: row.binlogFile, offset: Number(row.binlogOffset), row: 0 },
      queues: (typeof row.queues === 'string'
        ? JSON.parse(row.queues)
        : row.queues) as PublishedQueue[],
    };
  }

  async save(stream: string, { position, queues }: Checkpoint): Promise<void> {
    await this.#dataSource.query(
      `REPLACE INTO stream_checkpoints (stream, binlog_file, binlog_offset, queues, saved_at)
         VALUES (?, ?, ?, ?, ?)`,
      [stream, position.file, position.offset, JSON.stringify(queues), this.#clock.now()],
    );
  }
}
