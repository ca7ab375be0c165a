import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import { insertInto } from '../../common/insert-into.ts';
import { appendAllToOutbox } from '../../common/outbox.ts';
import { OutboxRelay } from '../../common/outbox-relay.ts';
import type { OrderEvent } from '../../contracts/order-events.ts';
import { notificationFor, type Notification } from '../domain/notification.ts';
import { NotificationRow } from '../persistence/notification.entity.ts';
import { notificationRecorded } from './notification-announcement.ts';

/** Records the one notification of an event; the message that has it delivered commits with it. */
@Injectable()
export class RecordNotification {
  readonly #record: (
    incoming: IncomingEvent,
    item: Notification,
  ) => Promise<'handled' | 'duplicate'>;

  constructor(
    inbox: Inbox,
    private readonly relay: OutboxRelay,
    private readonly clock: Clock,
  ) {
    this.#record = inbox.together<Notification>(async (manager, notifications) => {
      await insertInto(manager, NotificationRow, notifications);
      const events = notifications.map((each) => ({ event: notificationRecorded(each) }));
      await appendAllToOutbox(manager, events);
    });
  }

  async execute(event: OrderEvent, incoming: IncomingEvent): Promise<'handled' | 'duplicate'> {
    const outcome = await this.#record(incoming, notificationFor(event, this.clock.now()));
    this.relay.wake();
    return outcome;
  }
}
