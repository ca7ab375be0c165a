import type { Broker } from '../broker/broker.ts';
import { parseDelayLevels } from '../broker/delay-levels.ts';
import type { ConsumedMessage } from '../client/consumed-message.ts';
import type { MessageExt } from '../protocol/message.ts';
import { SystemTopic } from '../protocol/names.ts';
import { PropertyKey } from '../protocol/properties.ts';
import { asConsumed, readQueue } from './stored-messages.ts';

/** A message that waits for its time. */
export interface DelayedMessage {
  readonly message: ConsumedMessage;
  /** When it is due, by the broker's clock. */
  readonly deliverMs: number;
}

/** What waits for its time to go to a topic, by a delay level or otherwise, earliest first. */
export async function delayedMessages(broker: Broker, topic: string): Promise<DelayedMessage[]> {
  const parked = [...(await parkedAtLevels(broker)), ...(await parkedByTime(broker))];
  const ofTopic = parked.flatMap(({ record, deliverMs }) => {
    const queueId = Number(record.properties.get(PropertyKey.REAL_QID));
    const isWanted = record.properties.get(PropertyKey.REAL_TOPIC) === topic;
    return isWanted ? [{ record: { ...record, topic, queueId }, deliverMs }] : [];
  });
  const delayed = await Promise.all(
    ofTopic.map(async ({ record, deliverMs }) => {
      const [message] = await asConsumed([record], broker.config.brokerName);
      return { message: message!, deliverMs };
    }),
  );
  return delayed.toSorted((a, b) => a.deliverMs - b.deliverMs);
}

interface Parked {
  readonly record: MessageExt;
  readonly deliverMs: number;
}

async function parkedByTime({ context }: Broker): Promise<Parked[]> {
  const parked: Parked[] = [];
  for await (const record of context.timers.waiting()) {
    const deliverMs = Number(record.properties.get(PropertyKey.TIMER_OUT_MS));
    parked.push({ record, deliverMs });
  }
  return parked;
}

async function parkedAtLevels({ store, config, context }: Broker): Promise<Parked[]> {
  const levels = parseDelayLevels(config.messageDelayLevel);
  const queues = levels.map(async (delayMs, index) => {
    const queue = { topic: SystemTopic.SCHEDULE, queueId: index };
    const records = await readQueue(store, queue, context.schedule.deliveredTo(index + 1));
    return records.map((record) => ({ record, deliverMs: record.storeTimestamp + delayMs }));
  });
  return (await Promise.all(queues)).flat();
}
