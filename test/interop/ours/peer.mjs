/**
 * Our own client, as built and as its users import it, as a test peer: the same commands, options and events as the
 * official clients' (../java/src/main/java/peer/Peer.java), so that one test asks the same of all of them.
 */
import { crc32 } from 'node:zlib';
import {
  Admin,
  MqError,
  Producer,
  PushConsumer,
  selectByHash,
  splitIntoBatches,
  TransactionProducer,
} from 'millrace';
import { check, select } from './filters.mjs';
import { runCommands } from '../support/line-commands.mjs';
import { finding } from './finding.mjs';
import { pulling } from './pulling.mjs';
import { administerTopics } from './topics.mjs';
import { pushing } from './pushing.mjs';
import { requesting } from './requesting.mjs';

/** The machine is busy. */
const common = { serializeType: process.argv[2], requestTimeoutMs: 30_000 };
/** @type {Map<string, Promise<Producer>>} one per name server */
const producers = new Map();
const transactionProducers = new Map();
const answers = new Map();
const decisions = new Map();

function producer(namesrvAddr) {
  let starting = producers.get(namesrvAddr);
  if (starting === undefined) {
    const one = new Producer({
      ...common,
      namesrvAddr,
      producerGroup: 'peer-producer',
      sendTimeoutMs: 30_000,
    });
    starting = one.start().then(() => one);
    producers.set(namesrvAddr, starting);
  }
  return starting;
}

function refused({ line }, of, error) {
  // What is no answer of a broker is a mistake of the test, or of the client.
  if (!(error instanceof MqError)) throw error;
  line('REFUSED', of, error.code, error.message);
}

function sent({ line }, key, result, startedAt) {
  line(
    'SENT',
    key,
    result.status,
    result.msgId,
    result.offsetMsgId,
    `${result.messageQueue.brokerName}:${result.messageQueue.queueId}`,
    result.queueOffset,
    startedAt,
    result.recallHandle,
  );
}

function bodyOf(key, size) {
  let body = key;
  while (body.length < size) body += String.fromCharCode(97 + (body.length % 26));
  return body;
}

function propertiesOf(encoded = '') {
  const pairs = encoded === '' ? [] : encoded.split('\u0002');
  return Object.fromEntries(pairs.map((pair) => pair.split('\u0001')));
}

function messages({ options }) {
  const tags = (options.tags ?? 'TagA').split(',');
  return Array.from({ length: Number(options.count ?? 1) }, (_, index) => {
    const key = `${options.prefix ?? 'k'}${index}`;
    const [timer, timerValue] = options.timer?.split(':') ?? [];
    const [property, value] = options.property?.split(':') ?? [];
    return {
      topic: options.topic,
      tags: tags[index % tags.length],
      keys: key,
      body: bodyOf(key, Number(options.size ?? 32)),
      properties: { ...propertiesOf(options.properties), origin: 'ours' },
      ...(options.level !== undefined && { delayTimeLevel: Number(options.level) }),
      ...(timer === 'TIMER_DELAY_MS' && { delayTimeMs: Number(timerValue) }),
      ...(timer === 'TIMER_DELIVER_MS' && { deliverTimeMs: Number(timerValue) }),
      ...(property === 'MAX_RECONSUME_TIMES' && { maxReconsumeTimes: Number(value) }),
    };
  });
}

async function sendOne(command, sender, message, sendOptions) {
  const startedAt = Date.now();
  try {
    sent(command, message.keys, await sender.send(message, sendOptions), startedAt);
  } catch (error) {
    refused(command, message.keys, error);
  }
}

async function produce(command) {
  const { options, line } = command;
  const sender = await producer(options.namesrv);
  const all = messages(command);
  switch (options.mode ?? 'sync') {
    case 'batch':
      try {
        const startedAt = Date.now();
        sent(command, 'batch', await sender.sendBatch(all), startedAt);
      } catch (error) {
        refused(command, 'batch', error);
      }
      return;
    case 'split':
      for (const batch of splitIntoBatches(all, { maxMessageBytes: Number(options.limit) })) {
        const startedAt = Date.now();
        sent(command, `batch-of-${batch.length}`, await sender.sendBatch(batch), startedAt);
      }
      return;
    case 'async':
      await Promise.all(all.map((message) => sendOne(command, sender, message)));
      return;
    case 'oneway':
      for (const message of all.slice(0, -1)) {
        await sender.sendOneway(message);
        line('SENT', message.keys, 'ONEWAY');
      }
      await sendOne(command, sender, all.at(-1));
      return;
    default:
      for (const [index, message] of all.entries()) {
        const shards = Number(options.shards ?? 0);
        const select = shards > 0 ? selectByHash(`shard-${index % shards}`) : undefined;
        const [brokerName, queueId] = options.queue?.split(':') ?? [];
        const queue = { topic: message.topic, brokerName, queueId: Number(queueId) };
        const chosen = brokerName === undefined ? select && { select } : { queue };
        await sendOne(command, sender, message, chosen);
      }
  }
}

async function recall(command) {
  const { namesrv, topic, handle } = command.options;
  const sender = await producer(namesrv);
  try {
    command.line('RECALLED', await sender.recall(topic, handle));
  } catch (error) {
    refused(command, handle, error);
  }
}

function got({ line }, message) {
  line(
    'GOT',
    message.keys[0],
    message.msgId,
    message.offsetMsgId,
    message.topic,
    message.queueId,
    message.queueOffset,
    message.reconsumeTimes,
    message.tags,
    message.body.length,
    crc32(message.body),
    Date.now(),
    message.properties.get('__transactionId__'),
    message.properties.get('origin'),
  );
}

async function consume(command) {
  const { options } = command;
  const timesSeen = new Map();
  const isOrderly = options.orderly !== undefined;
  const consumer = new PushConsumer({
    ...common,
    namesrvAddr: options.namesrv,
    consumerGroup: options.group,
    consumeFromWhere: `CONSUME_FROM_${(options.from ?? 'first').toUpperCase()}_OFFSET`,
    consumeTimeoutMs: 5_000,
    ...(options.max !== undefined && { maxReconsumeTimes: Number(options.max) }),
    ...(options.pop !== undefined && {
      clientRebalance: false,
      popInvisibleTimeMs: Number(options['invisible-ms'] ?? 60_000),
    }),
  }).subscribe(
    options.topic,
    options.sql === undefined ? (options.tags ?? '*') : { sql: options.sql },
  );
  const isConsumed = async (message) => {
    const key = message.keys[0];
    got(command, message);
    timesSeen.set(key, (timesSeen.get(key) ?? 0) + 1);
    const times = timesSeen.get(key);
    if (times <= Number(options['hang-times'] ?? 0)) await new Promise(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, Number(options['work-ms'] ?? 0)));
    if (times > Number(options['fail-times'] ?? 0)) return true;
    if (options.throws !== undefined) throw new Error('thrown by the listener, as the test wants');
    return false;
  };
  if (isOrderly) {
    consumer.onMessageOrderly(async (message, context) => {
      context.suspendCurrentQueueTimeMs = 100;
      return (await isConsumed(message)) ? 'SUCCESS' : 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
    });
  } else {
    consumer.onMessage(async (message) => {
      if (await isConsumed(message)) return 'CONSUME_SUCCESS';
      const level = Number(options.level ?? 0);
      return { status: 'RECONSUME_LATER', delayTimeLevel: level };
    });
  }
  await consumer.start();
  return () => consumer.shutdown();
}

async function reset(command) {
  const { namesrv, topic, group, timestamp } = command.options;
  const admin = new Admin({ ...common, namesrvAddr: namesrv });
  const position = timestamp === '-1' ? 'latest' : { timestampMs: Number(timestamp) };
  try {
    const moved = await admin.resetOffset(group, topic, position);
    for (const { messageQueue, to } of moved) command.line('RESET', messageQueue.queueId, to);
  } catch (error) {
    refused(command, 'reset', error);
  } finally {
    await admin.shutdown();
  }
}

function decision(key) {
  let one = decisions.get(key);
  if (one === undefined) {
    one = {};
    one.made = new Promise((resolve) => (one.make = resolve));
    decisions.set(key, one);
  }
  return one;
}

async function begin({ id, options, line }) {
  const one = new TransactionProducer({
    ...common,
    namesrvAddr: options.namesrv,
    producerGroup: options.group,
    sendTimeoutMs: 30_000,
    checkLocalTransaction: (message) => {
      const key = message.keys[0];
      const state = answers.get(key) ?? 'UNKNOW';
      line('CHECKED', key, message.properties.get('UNIQ_KEY'), state);
      return state;
    },
  });
  await one.start();
  transactionProducers.set(id, one);
  return () => one.shutdown();
}

async function transact(command) {
  const { options, line } = command;
  const { key, topic } = options;
  const one = transactionProducers.get(options.producer);
  try {
    const result = await one.sendMessageInTransaction(
      { topic, tags: 'TagA', keys: key, body: `body of ${key}` },
      ({ transactionId }) => {
        line('LOCAL', key, transactionId);
        return decision(key).made;
      },
      options.immunity && { checkImmunityTimeSeconds: Number(options.immunity) },
    );
    const { status, msgId, transactionId, localTransactionState } = result;
    line('ENDED', key, status, msgId, transactionId, localTransactionState);
  } catch (error) {
    refused(command, key, error);
  }
}

runCommands({
  ...finding(common, { got, refused }),
  ...pulling(common, { got, refused }),
  ...pushing(common, { got }),
  ...requesting(common, { producer, refused }),
  produce,
  recall,
  consume,
  reset,
  administer: (command) => administerTopics(command, common),
  select,
  check,
  begin,
  transact,
  decide: async ({ options }) => decision(options.key).make(options.state),
  answer: async ({ options }) => void answers.set(options.key, options.state),
});
