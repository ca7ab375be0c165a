import { setTimeout as delay } from 'node:timers/promises';
import { Admin, MqError } from 'millrace';

/** Every topic of the services; on a cluster that was given they may not be created on first use. */
export const topics = [
  'ORDER_EVENTS',
  'ORDER_CLOSE_CHECK',
  'RESERVATION_CHECK',
  'PAYMENT_EVENTS',
  'PAYMENT_QUERY',
  'WAREHOUSE_EVENTS',
  'REFUND_EVENTS',
  'REFUND_STEP_RESULTS',
  'NOTIFICATION_EVENTS',
  'FLASH_ORDERS',
  'ORDER_BINLOG',
];

/** A cluster that was given may still be starting. */
const topicTimeoutMs = 30_000;

/** Errors: a topic cannot be used at these name servers, not even after a while. */
export async function createTopics(namesrvAddr: string): Promise<void> {
  await using admin = new Admin({ namesrvAddr });
  const deadline = performance.now() + topicTimeoutMs;
  for (const topic of topics) {
    // A broker registers a moment after it serves, and a topic's route follows a moment after the topic.
    for (;;) {
      const isOver = performance.now() > deadline;
      const problem = await tryCreateTopic(admin, topic);
      if (problem === undefined) break;
      if (isOver) throw new Error(`${topic} cannot be used at ${namesrvAddr}: ${problem}`);
      await delay(50);
    }
  }
}

/** Undefined when the topic has a route, else why not. */
async function tryCreateTopic(admin: Admin, topic: string): Promise<string | undefined> {
  try {
    await admin.createTopic({ topic, readQueueNums: 4 });
    const route = await admin.topicRoute(topic);
    return route === undefined ? 'it was created and has no route' : undefined;
  } catch (error) {
    if (MqError.is(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
}
