import { Column, Entity, PrimaryColumn, type DataSource, type EntityManager } from 'typeorm';
import type { Clock } from './clock.ts';
import { insertOnce } from './database-errors.ts';
import { insertInto } from './insert-into.ts';
import type { StatusMemory } from './status-memory.ts';
import { inTransaction } from './transaction.ts';

/** An event whose effect is in the same database, committed together with it. */
@Entity('inbox_messages')
export class InboxMessage {
  @PrimaryColumn({ name: 'consumer_group', type: 'varchar', length: 64 })
  consumerGroup!: string;

  @PrimaryColumn({ name: 'event_id', type: 'varchar', length: 128 })
  eventId!: string;

  @Column({ name: 'message_id', type: 'varchar', length: 64 })
  messageId!: string;

  @Column({ name: 'handled_at', type: 'datetime', precision: 3 })
  handledAt!: Date;
}

export interface IncomingEvent {
  consumerGroup: string;
  eventId: string;
  messageId: string;
}

/** For people who look the message up. It is the sender's to choose, and must not be what the event fails by. */
function columnText(messageId: string): string {
  return messageId.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 64);
}

/**
 * Lets an event have its effect once, however often its message arrives.
 *
 * Redis is asked first and spares the database almost every duplicate. The truth is the unique key of inbox_messages,
 * inserted first in the transaction of the effect: with Redis flushed, stale or away the second delivery waits there for
 * the first one's outcome, and loses.
 */
export class Inbox {
  readonly #dataSource: DataSource;
  readonly #memory: StatusMemory;
  readonly #clock: Clock;

  constructor(parts: { dataSource: DataSource; memory: StatusMemory; clock: Clock }) {
    this.#dataSource = parts.dataSource;
    this.#memory = parts.memory;
    this.#clock = parts.clock;
  }

  /** `effect` runs in the transaction and may run again after a deadlock; its error undoes the claim and is thrown on. */
  async once(
    event: IncomingEvent,
    effect: (manager: EntityManager) => Promise<void>,
  ): Promise<'handled' | 'duplicate'> {
    const key = `inbox:${event.consumerGroup}:${event.eventId}`;
    const { mark, done } = await this.#memory.begin(key);
    if (done !== undefined) return 'duplicate';
    try {
      const isFirst = await inTransaction(this.#dataSource, async (manager) => {
        const row = {
          ...event,
          messageId: columnText(event.messageId),
          handledAt: this.#clock.now(),
        };
        const isNew = await insertOnce(insertInto(manager, InboxMessage, [row]));
        if (isNew) await effect(manager);
        return isNew;
      });
      await this.#memory.finish(key, '');
      return isFirst ? 'handled' : 'duplicate';
    } catch (error) {
      await this.#memory.release(key, mark);
      throw error;
    }
  }
}
