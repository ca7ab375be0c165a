import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Column, Entity, PrimaryColumn, type DataSource, type EntityManager } from 'typeorm';
import type { Clock } from './clock.ts';
import { insertOnce } from './database-errors.ts';
import { insertInto } from './insert-into.ts';
import type { Log } from './log.ts';
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

/** The part of ioredis the inbox uses. */
export type StatusStore = Pick<Redis, 'set' | 'get' | 'eval'>;

export interface IncomingEvent {
  consumerGroup: string;
  eventId: string;
  messageId: string;
}

const DONE = 'done';

/** Deletes the key only while it is still our own claim: another delivery may have finished since. */
const RELEASE_CLAIM = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;

/**
 * Lets an event have its effect once, however often its message arrives.
 *
 * Redis is asked first and spares the database almost every duplicate: `done` is an answer, `processing:…` only
 * a sign that two deliveries overlap. The truth is the unique key of inbox_messages, inserted first in the
 * transaction of the effect: with Redis flushed, stale or away the second delivery waits there for the first
 * one's outcome, and loses. `done` is written after the commit, never before.
 */
export class Inbox {
  readonly #dataSource: DataSource;
  readonly #status: StatusStore;
  readonly #settings: { processingExpiryMs: number; doneExpiryMs: number };
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(parts: {
    dataSource: DataSource;
    status: StatusStore;
    settings: { processingExpiryMs: number; doneExpiryMs: number };
    clock: Clock;
    log: Log;
  }) {
    this.#dataSource = parts.dataSource;
    this.#status = parts.status;
    this.#settings = parts.settings;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** `effect` runs in the transaction and may run again after a deadlock; its error undoes the claim and is thrown on. */
  async once(
    event: IncomingEvent,
    effect: (manager: EntityManager) => Promise<void>,
  ): Promise<'handled' | 'duplicate'> {
    const key = `inbox:${event.consumerGroup}:${event.eventId}`;
    const claim = `processing:${randomUUID()}`;
    const known = await this.#claim(key, claim);
    if (known === DONE) return 'duplicate';
    if (known !== undefined)
      this.#log.info('another delivery of this event is being handled', { ...event });
    try {
      const isFirst = await inTransaction(this.#dataSource, async (manager) => {
        const row = { ...event, handledAt: this.#clock.now() };
        const isNew = await insertOnce(insertInto(manager, InboxMessage, [row]));
        if (isNew) await effect(manager);
        return isNew;
      });
      await this.#ask('set done', () =>
        this.#status.set(key, DONE, 'PX', this.#settings.doneExpiryMs),
      );
      return isFirst ? 'handled' : 'duplicate';
    } catch (error) {
      await this.#ask('release', () => this.#status.eval(RELEASE_CLAIM, 1, key, claim));
      throw error;
    }
  }

  /** What Redis already knew of the event; undefined when the claim is ours, or Redis is away. */
  async #claim(key: string, claim: string): Promise<string | undefined> {
    return this.#ask('claim', async () => {
      const isOurs = await this.#status.set(
        key,
        claim,
        'PX',
        this.#settings.processingExpiryMs,
        'NX',
      );
      return isOurs === 'OK' ? undefined : ((await this.#status.get(key)) ?? undefined);
    });
  }

  /** Redis failing is no reason to fail: the unique key decides alone then. */
  async #ask<T>(what: string, question: () => Promise<T>): Promise<T | undefined> {
    try {
      return await question();
    } catch (error) {
      this.#log.debug('redis did not answer, the database decides', { what, error });
      return undefined;
    }
  }
}
