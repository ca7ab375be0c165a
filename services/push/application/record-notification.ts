import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { OrderEvent } from '../../contracts/order-events.ts';
import { notificationFor } from '../domain/notification.ts';
import { NotificationRow } from '../persistence/notification.entity.ts';

/** Records the one notification of an event. */
@Injectable()
export class RecordNotification {
  constructor(
    private readonly inbox: Inbox,
    private readonly clock: Clock,
  ) {}

  execute(event: OrderEvent, incoming: IncomingEvent): Promise<'handled' | 'duplicate'> {
    const notification = notificationFor(event, this.clock.now());
    return this.inbox.once(incoming, (manager) =>
      insertInto(manager, NotificationRow, [notification]),
    );
  }
}
