import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  NOTIFICATION_EVENTS,
  NotificationEventTag,
  parseNotificationRecorded,
} from '../../contracts/notification-events.ts';
import { DeliverNotification } from '../application/deliver-notification.ts';

const CONSUMER_GROUP = 'push-deliver';

@Injectable()
export class OnNotificationRecorded {
  constructor(
    private readonly deliverNotification: DeliverNotification,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: NOTIFICATION_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: NotificationEventTag.Recorded,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseNotificationRecorded };
    return this.consumption.run(message, reading, (recorded, log) =>
      this.deliverNotification.execute(
        recorded,
        { consumerGroup: CONSUMER_GROUP, eventId: recorded.eventId, messageId: message.msgId },
        log,
      ),
    );
  }
}
