/**
 * The npm client ali-ons as a test peer: an independent reading of the same protocol (header word as a plain int,
 * native numbers and booleans in extFields, IPv4-only records). Commands, flags and output lines are those of the
 * Java peer (../java/src/main/java/peer/Peer.java). A process of its own, because its timers never stop.
 */
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { crc32 } from 'node:zlib';

const { Consumer, Message, Producer } = createRequire(import.meta.url)('ali-ons');

const command = process.argv[2];
const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    namesrv: { type: 'string' },
    topic: { type: 'string' },
    group: { type: 'string', default: 'ali' },
    count: { type: 'string', default: '1' },
    tag: { type: 'string', default: 'TagA' },
    tags: { type: 'string', default: '*' },
    size: { type: 'string', default: '32' },
    'timeout-s': { type: 'string', default: '60' },
  },
});
const count = Number(options.count);
const line = (...fields) => console.log(fields.join('\t'));
const quiet = { debug() {}, info() {}, warn() {}, error: (...parts) => console.error(...parts) };

const common = {
  nameSrv: options.namesrv,
  // Asked only for the addresses of name servers, which are given.
  httpclient: { request: () => Promise.reject(new Error('no look-up of name servers here')) },
  logger: quiet,
  accessKeyId: 'unused',
  accessKeySecret: 'unused',
};

if (command === 'produce') {
  const producer = new Producer({ ...common, producerGroup: options.group });
  await producer.ready();
  for (let index = 0; index < count; index++) {
    const key = `k${index}`;
    const message = new Message(options.topic, options.tag, key.padEnd(Number(options.size), 'a'));
    message.keys = [key];
    const { sendStatus, msgId, messageQueue, queueOffset } = await producer.send(message);
    const queue = `${messageQueue.brokerName}:${messageQueue.queueId}`;
    line('SENT', key, sendStatus, msgId, '', queue, queueOffset);
  }
  process.exit(0);
}

const consumer = new Consumer({
  ...common,
  consumerGroup: options.group,
  consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
});
let got = 0;
consumer.subscribe(options.topic, options.tags, async (message) => {
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
  );
  got += 1;
  if (got === count) process.exit(0);
});
await consumer.ready();
line('READY');
setTimeout(
  () => {
    line('TIMEOUT', got);
    process.exit(3);
  },
  Number(options['timeout-s']) * 1000,
);
