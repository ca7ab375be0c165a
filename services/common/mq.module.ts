/** The one door between the services and the package `millrace`. */
import type { DynamicModule } from '@nestjs/common';
import type { ConsumedMessage, Message, MessageQueue, SendResult } from 'millrace';
import { MillraceModule } from 'millrace/nestjs';
import type { Log } from './log.ts';

export { Producer } from 'millrace';
export type { ConsumedMessage, Message, MessageQueue, SendResult } from 'millrace';
export { MessageListener, MillraceHealth } from 'millrace/nestjs';

/** What the outbox relay needs of a Producer. */
export interface MessageSender {
  send(
    message: Message,
    options: { select: (queues: readonly MessageQueue[]) => MessageQueue },
  ): Promise<Pick<SendResult, 'status' | 'msgId'>>;
}

/** What a consumer reads of a message. */
export type ReceivedMessage = Pick<
  ConsumedMessage,
  'topic' | 'msgId' | 'keys' | 'tags' | 'queueId' | 'queueOffset' | 'reconsumeTimes' | 'text'
>;

export function mqModule(settings: {
  namesrvAddr: string;
  producerGroup: string;
  /** Time running listeners get when the service stops. */
  shutdownGraceMs: number;
  log: Log;
}): DynamicModule {
  return MillraceModule.forRoot({
    namesrvAddr: settings.namesrvAddr,
    producerGroup: settings.producerGroup,
    shutdownGraceMs: settings.shutdownGraceMs,
    logger: settings.log,
  });
}
