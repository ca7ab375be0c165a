import { LitePullConsumer, MqError, PushConsumer } from 'millrace';

/** @type {Map<string, Promise<LitePullConsumer>>} one per name server and group */
const pullConsumers = new Map();

function pullConsumer({ namesrv, group }) {
  const key = namesrv + group;
  let starting = pullConsumers.get(key);
  if (starting === undefined) {
    const one = new LitePullConsumer({
      namesrvAddr: namesrv,
      consumerGroup: group,
      requestTimeoutMs: 30_000,
    });
    starting = one.start().then(() => one);
    pullConsumers.set(key, starting);
  }
  return starting;
}

/** What an expression selects, asked for with pulls that carry it. */
export async function select({ options, line }) {
  const consumer = await pullConsumer(options);
  const queue = { topic: options.topic, brokerName: 'broker-a', queueId: 0 };
  const keys = [];
  for (let offset = 0, end = 1; offset < end;) {
    const result = await consumer.pull(queue, offset, { expression: { sql: options.sql } });
    keys.push(...result.messages.map((message) => message.keys[0]));
    offset = result.nextBeginOffset;
    end = result.maxOffset;
  }
  line('SELECTED', ...keys);
}

/** Whether a consumer with such an expression starts. */
export async function check({ options, line }) {
  const consumer = new PushConsumer({
    namesrvAddr: options.namesrv,
    consumerGroup: options.group,
    requestTimeoutMs: 30_000,
  });
  try {
    consumer.subscribe(options.topic, { sql: options.sql }).onMessage(() => undefined);
    await consumer.start();
    line('TAKEN');
  } catch (error) {
    if (!(error instanceof MqError)) throw error;
    line('REFUSED', options.sql, error.code, error.message);
  } finally {
    await consumer.shutdown();
  }
}
