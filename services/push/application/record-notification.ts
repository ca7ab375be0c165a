import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import { insertInto } from '../../common/insert-into.ts';
import { appendToOutbox } from '../../common/outbox.ts';
import { OutboxRelay } from '../../common/outbox-relay.ts';
import type { OrderEvent } from '../../contracts/order-events.ts';
import { notificationFor } from '../domain/notification.ts';
import { NotificationRow } from '../persistence/notification.entity.ts';
import { notificationRecorded } from './notification-announcement.ts';

/** Records the one notification of an event; the message that has it delivered commits with it. */
@Injectable()
export class RecordNotification {
  constructor(
    private readonly inbox: Inbox,
    private readonly relay: OutboxRelay,
    private readonly clock: Clock,
  ) {}

  async execute(event: OrderEvent, incoming: IncomingEvent): Promise<'handled' | 'duplicate'> {
    const notification = notificationFor(event, this.clock.now());
    const outcome = await this.inbox.once(incoming, async (manager) => {
      await insertInto(manager, NotificationRow, [notification]);
      await appendToOutbox(manager, notificationRecorded(notification));
    });
    this.relay.wake();
    return outcome;
  }
}
