import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import type { Log } from '../../common/log.ts';
import type { NotificationRecorded } from '../../contracts/notification-events.ts';
import type { NotificationKind } from '../domain/notification.ts';

/**
 * Hands a notification to the push provider's gateway, for which a log line stands in.
 *
 * Two events about one notification meet at its row: the second finds it delivered. A crash between gateway and commit
 * hands it over again, under the same notification id.
 *
 * Errors: NOTIFICATION.NOT_FOUND.
 */
@Injectable()
export class DeliverNotification {
  readonly #deliver: (incoming: IncomingEvent, item: Delivery) => Promise<'handled' | 'duplicate'>;

  constructor(
    inbox: Inbox,
    private readonly clock: Clock,
  ) {
    this.#deliver = inbox.together<Delivery>((manager, items) => this.#handOver(manager, items));
  }

  execute(
    { notificationId }: NotificationRecorded,
    incoming: IncomingEvent,
    log: Log,
  ): Promise<'handled' | 'duplicate'> {
    return this.#deliver(incoming, { notificationId, log });
  }

  async #handOver(manager: EntityManager, deliveries: readonly Delivery[]): Promise<void> {
    const ids = deliveries.map(({ notificationId }) => notificationId);
    const rows: NotificationState[] = await manager.query(
      `SELECT event_id AS notificationId, kind, delivered_at AS deliveredAt
         FROM notifications WHERE event_id IN (?) FOR UPDATE`,
      [ids],
    );
    const stateOf = new Map(rows.map((row) => [row.notificationId, row]));
    const missing = ids.find((id) => !stateOf.has(id));
    if (missing !== undefined) throw notificationNotFound(missing);
    const due = new Set<string>();
    for (const { notificationId, log } of deliveries) {
      const { kind, deliveredAt } = stateOf.get(notificationId)!;
      if (deliveredAt !== null || due.has(notificationId)) continue;
      log.info('notification handed to the gateway', { notificationId, kind });
      due.add(notificationId);
    }
    if (due.size === 0) return;
    await manager.query('UPDATE notifications SET delivered_at = ? WHERE event_id IN (?)', [
      this.clock.now(),
      [...due],
    ]);
  }
}

/** A notification that is to be handed over, and the log of the event that says so. */
interface Delivery {
  notificationId: string;
  log: Log;
}

interface NotificationState {
  notificationId: string;
  kind: NotificationKind;
  deliveredAt: Date | null;
}

function notificationNotFound(notificationId: string): DomainError {
  return new DomainError(
    'NOTIFICATION.NOT_FOUND',
    'not_found',
    `there is no notification ${notificationId}; row and message commit together`,
  );
}
