import { Injectable } from '@nestjs/common';
import { consume } from '../../common/consume.ts';
import { Log } from '../../common/log.ts';
import { MessageListener, type ReceivedMessage } from '../../common/mq.module.ts';
import { ORDER_EVENTS, OrderEventTag, parseOrderEvent } from '../../contracts/order-events.ts';
import { RecordNotification } from '../application/record-notification.ts';

const CONSUMER_GROUP = 'push-on-order-event';

@Injectable()
export class OnOrderEvent {
  constructor(
    private readonly recordNotification: RecordNotification,
    private readonly log: Log,
  ) {}

  @MessageListener({
    topic: ORDER_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    // Named one by one: an event type added later is not told to users until somebody has found the words for it.
    tags: [OrderEventTag.Created, OrderEventTag.Paid, OrderEventTag.Closed].join(' || '),
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  })
  async handle(message: ReceivedMessage): Promise<void> {
    await consume(message, { log: this.log, parse: parseOrderEvent }, (event) => {
      const incoming = {
        consumerGroup: CONSUMER_GROUP,
        eventId: event.eventId,
        messageId: message.msgId,
      };
      return this.recordNotification.execute(event, incoming);
    });
  }
}
