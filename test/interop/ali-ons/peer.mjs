/**
 * The npm client ali-ons as a test peer: an independent reading of the same protocol (header word as a plain int,
 * native numbers and booleans in extFields, IPv4-only records). It knows produce and consume of the commands of the
 * Java peer (../java/src/main/java/peer/Peer.java). A process of its own, because its timers never stop.
 */
import { createRequire } from 'node:module';
import { crc32 } from 'node:zlib';
import { runCommands } from '../support/line-commands.mjs';

const { Consumer, Message, Producer } = createRequire(import.meta.url)('ali-ons');

const quiet = { debug() {}, info() {}, warn() {}, error: (...parts) => console.error(...parts) };

const common = (namesrv) => ({
  nameSrv: namesrv,
  // Asked only for the addresses of name servers, which are given.
  httpclient: { request: () => Promise.reject(new Error('no look-up of name servers here')) },
  logger: quiet,
  accessKeyId: 'unused',
  accessKeySecret: 'unused',
});

async function produce({ options, line }) {
  const { namesrv, topic, count = '1', prefix = 'k', size = '32', tags = 'TagA' } = options;
  const producer = new Producer({ ...common(namesrv), producerGroup: 'ali' });
  await producer.ready();
  for (let index = 0; index < Number(count); index++) {
    const key = `${prefix}${index}`;
    const message = new Message(topic, tags, key.padEnd(Number(size), 'a'));
    message.keys = [key];
    const startedAt = Date.now();
    const { sendStatus, msgId, messageQueue, queueOffset } = await producer.send(message);
    const queue = `${messageQueue.brokerName}:${messageQueue.queueId}`;
    line('SENT', key, sendStatus, msgId, '', queue, queueOffset, startedAt, '');
  }
}

async function consume({ options, line }) {
  const { namesrv, topic, group, tags = '*' } = options;
  const consumer = new Consumer({
    ...common(namesrv),
    consumerGroup: group,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  });
  consumer.subscribe(topic, tags, async (message) => {
    line(
      'GOT',
      message.keys,
      message.msgId,
      message.msgId,
      message.topic,
      message.queueId,
      Number(message.queueOffset),
      message.reconsumeTimes,
      message.tags,
      message.body.length,
      crc32(message.body),
      Date.now(),
    );
  });
  await consumer.ready();
  return () => consumer.close();
}

runCommands({ produce, consume });
