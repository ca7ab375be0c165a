import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { ReceivedMessage } from '../../common/mq.module.ts';

const MAX_REASON_CHARACTERS = 255;

/** Keeps messages that nobody can read, for a person to look at. */
@Injectable()
export class ParkedMessages {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  /** The same message once. */
  async add(message: ReceivedMessage, reason: string): Promise<void> {
    await this.dataSource.query(
      'INSERT IGNORE INTO parked_messages (message_id, topic, body, reason, parked_at) VALUES (?, ?, ?, ?, ?)',
      [
        message.msgId.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 64),
        message.topic,
        message.text(),
        reason.slice(0, MAX_REASON_CHARACTERS),
        this.clock.now(),
      ],
    );
  }
}
