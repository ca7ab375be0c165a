import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import type { Log } from '../../common/log.ts';
import type { NotificationRecorded } from '../../contracts/notification-events.ts';
import { NotificationRow } from '../persistence/notification.entity.ts';

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
  constructor(
    private readonly inbox: Inbox,
    private readonly clock: Clock,
  ) {}

  execute(
    { notificationId }: NotificationRecorded,
    incoming: IncomingEvent,
    log: Log,
  ): Promise<'handled' | 'duplicate'> {
    return this.inbox.once(incoming, async (manager) => {
      const notification = await manager.findOne(NotificationRow, {
        where: { eventId: notificationId },
        lock: { mode: 'pessimistic_write' },
      });
      if (notification === null) {
        throw new DomainError(
          'NOTIFICATION.NOT_FOUND',
          'not_found',
          `there is no notification ${notificationId}; row and message commit together`,
        );
      }
      if (notification.deliveredAt !== null) return;
      log.info('notification handed to the gateway', { notificationId, kind: notification.kind });
      await manager.update(
        NotificationRow,
        { eventId: notificationId },
        { deliveredAt: this.clock.now() },
      );
    });
  }
}
