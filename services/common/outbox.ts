import { randomUUID } from 'node:crypto';
import { Column, Entity, PrimaryColumn, type EntityManager } from 'typeorm';
import { insertInto } from './insert-into.ts';
import { bodyOf, type OutgoingEvent } from './outgoing-event.ts';

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

  /** Not to be delivered before; null: at once. */
  @Column({ name: 'deliver_at', type: 'datetime', precision: 3, nullable: true })
  deliverAt!: Date | null;

  @Column({ name: 'sent_at', type: 'datetime', precision: 3, nullable: true })
  sentAt!: Date | null;

  /** The id the broker's clients know the message by, for looking it up. */
  @Column({ name: 'message_id', type: 'varchar', length: 64, nullable: true })
  messageId!: string | null;
}

/**
 * Adds a message to the transaction of `manager`. Wake the relay after the commit; it would find the row in time anyway.
 *
 * `eventId`: the one the event already has, when it has been tried another way.
 */
export function appendToOutbox(
  manager: EntityManager,
  event: OutgoingEvent,
  eventId: string = randomUUID(),
): Promise<void> {
  return appendAllToOutbox(manager, [{ event, eventId }]);
}

/** As `appendToOutbox`, for several: they are sent in this order. */
export async function appendAllToOutbox(
  manager: EntityManager,
  events: readonly { event: OutgoingEvent; eventId?: string }[],
): Promise<void> {
  const rows = events.map(({ event, eventId = randomUUID() }) => ({
    eventId,
    topic: event.topic,
    tag: event.tag,
    messageKey: event.key,
    body: bodyOf(event, eventId),
    createdAt: event.createdAt,
    deliverAt: event.deliverAt ?? null,
  }));
  await insertInto(manager, OutboxMessage, rows);
}

/** Of which of these keys are messages waiting? Later ones must wait behind them. */
export async function unsentAmong(
  manager: EntityManager,
  keys: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows: { key: string }[] = await manager.query(
    'SELECT DISTINCT message_key AS `key` FROM outbox_messages WHERE message_key IN (?) AND sent_at IS NULL',
    [keys],
  );
  return new Set(rows.map(({ key }) => key));
}
