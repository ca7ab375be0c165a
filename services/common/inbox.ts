import { Column, Entity, PrimaryColumn, type DataSource, type EntityManager } from 'typeorm';
import type { Clock } from './clock.ts';
import { insertOnce } from './database-errors.ts';
import { Gathering } from './gathering.ts';
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

/** Nobody waits for the effect of an event: it may wait so long for others. */
const GATHER_MS = 25;

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

  /**
   * For events that come in numbers: those of a moment have their effects in one transaction. `effect` gets what was given with
   * each of them; should any of them have been handled before, or `effect` throw, each is done alone, as by `once`.
   */
  together<Item>(
    effect: (manager: EntityManager, items: readonly Item[]) => Promise<void>,
  ): (event: IncomingEvent, item: Item) => Promise<'handled' | 'duplicate'> {
    const gathering = new Gathering<{ event: IncomingEvent; item: Item }, boolean>({
      paceMs: GATHER_MS,
      work: async (arrivals) => {
        if (arrivals.length === 1)
          return [
            await this.#first(arrivals[0]!.event, (manager) =>
              effect(manager, [arrivals[0]!.item]),
            ),
          ];
        await inTransaction(this.#dataSource, async (manager) => {
          await insertInto(
            manager,
            InboxMessage,
            arrivals.map(({ event }) => this.#rowOf(event)),
          );
          await effect(
            manager,
            arrivals.map(({ item }) => item),
          );
        });
        return arrivals.map(() => true);
      },
    });
    return (event, item) => this.#unlessKnown(event, () => gathering.add({ event, item }));
  }

  /** `effect` runs in the transaction and may run again after a deadlock; its error undoes the claim and is thrown on. */
  async once(
    event: IncomingEvent,
    effect: (manager: EntityManager) => Promise<void>,
  ): Promise<'handled' | 'duplicate'> {
    return this.#unlessKnown(event, () => this.#first(event, effect));
  }

  /** `isFirst` decides; Redis is told what it says. */
  async #unlessKnown(
    event: IncomingEvent,
    isFirst: () => Promise<boolean>,
  ): Promise<'handled' | 'duplicate'> {
    const key = `inbox:${event.consumerGroup}:${event.eventId}`;
    const { mark, done } = await this.#memory.begin(key);
    if (done !== undefined) return 'duplicate';
    try {
      const outcome = (await isFirst()) ? 'handled' : 'duplicate';
      await this.#memory.finish(key, '');
      return outcome;
    } catch (error) {
      await this.#memory.release(key, mark);
      throw error;
    }
  }

  #first(
    event: IncomingEvent,
    effect: (manager: EntityManager) => Promise<void>,
  ): Promise<boolean> {
    return inTransaction(this.#dataSource, async (manager) => {
      const isNew = await insertOnce(insertInto(manager, InboxMessage, [this.#rowOf(event)]));
      if (isNew) await effect(manager);
      return isNew;
    });
  }

  #rowOf(event: IncomingEvent): InboxMessage {
    return { ...event, messageId: columnText(event.messageId), handledAt: this.#clock.now() };
  }
}
