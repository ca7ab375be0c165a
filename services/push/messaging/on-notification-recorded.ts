import { Injectable } from '@nestjs/common';
import { consume } from '../../common/consume.ts';
import { Log } from '../../common/log.ts';
import { MessageListener, type ReceivedMessage } from '../../common/mq.module.ts';
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
    private readonly log: Log,
  ) {}

  @MessageListener({
    topic: NOTIFICATION_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: NotificationEventTag.Recorded,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  })
  async handle(message: ReceivedMessage): Promise<void> {
    await consume(message, { log: this.log, parse: parseNotificationRecorded }, (recorded, log) => {
      const incoming = {
        consumerGroup: CONSUMER_GROUP,
        eventId: recorded.eventId,
        messageId: message.msgId,
      };
      return this.deliverNotification.execute(recorded, incoming, log);
    });
  }
}
