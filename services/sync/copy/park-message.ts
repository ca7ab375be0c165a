import type { Clock } from '../../common/clock.ts';
import type { ReceivedMessage } from '../../common/mq.module.ts';
import type { CopyDatabase } from './copy-database.ts';

/** Keeps, beside the copy, messages that nobody can read, for an operator to look at. Errors: those of CopyDatabase. */
export class ParkMessage {
  readonly #copy: CopyDatabase;
  readonly #clock: Clock;

  constructor(copy: CopyDatabase, clock: Clock) {
    this.#copy = copy;
    this.#clock = clock;
  }

  /** May be done again. */
  async execute(message: ReceivedMessage, reason: string): Promise<void> {
    const { msgId, topic, queueId, queueOffset, tags, keys } = message;
    await this.#copy.query(
      `INSERT IGNORE INTO _parked_messages
         (message_id, topic, queue_id, queue_offset, tag, message_key, reason, body, parked_at) VALUES (?)`,
      [
        [
          msgId,
          topic,
          queueId,
          queueOffset,
          tags?.slice(0, 64) ?? null,
          keys[0]?.slice(0, 128) ?? null,
          reason.slice(0, 1_000),
          message.text(),
          this.#clock.now(),
        ],
      ],
    );
  }

  async count(): Promise<number> {
    const [row] = await this.#copy.query('SELECT COUNT(*) AS count FROM _parked_messages');
    return Number(row?.['count']);
  }
}
