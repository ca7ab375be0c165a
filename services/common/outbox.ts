import { randomUUID } from 'node:crypto';
import { Column, Entity, PrimaryColumn, type EntityManager } from 'typeorm';
import { insertInto } from './insert-into.ts';
import type { OutgoingEvent } from './outgoing-event.ts';

/** A message that was decided in the same transaction as the row it tells about, sent or still to be sent. */
@Entity('outbox_messages')
export class OutboxMessage {
  /** Ascending for events of one key whose transactions lock one row first; of others as they happen to be inserted. */
  @PrimaryColumn({ type: 'bigint', generated: 'increment' })
  id!: string;

  @Column({ name: 'event_id', type: 'char', length: 36 })
  eventId!: string;

  @Column({ type: 'varchar', length: 127 })
  topic!: string;

  @Column({ type: 'varchar', length: 64 })
  tag!: string;

  /** The order number: messages of one key are sent one after the other, into one queue. */
  @Column({ name: 'message_key', type: 'varchar', length: 64 })
  messageKey!: string;

  @Column({ type: 'mediumtext' })
  body!: string;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;

  @Column({ name: 'sent_at', type: 'datetime', precision: 3, nullable: true })
  sentAt!: Date | null;

  /** The id the broker's clients know the message by, for looking it up. */
  @Column({ name: 'message_id', type: 'varchar', length: 64, nullable: true })
  messageId!: string | null;
}

/** Adds a message to the transaction of `manager`. Wake the relay after the commit; it would find the row in time anyway. */
export async function appendToOutbox(manager: EntityManager, event: OutgoingEvent): Promise<void> {
  const eventId = randomUUID();
  const row = {
    eventId,
    topic: event.topic,
    tag: event.tag,
    messageKey: event.key,
    body: JSON.stringify({ eventId, ...event.payload }),
    createdAt: event.createdAt,
  };
  await insertInto(manager, OutboxMessage, [row]);
}
