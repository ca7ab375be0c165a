/** Our push consumer with a name as a test peer; see `push` in ../java/src/main/java/peer/Peer.java. */
import { PushConsumer } from 'millrace';

/**
 * @param {object} common options of every client
 * @param {{ got: Function }} tell writes a message as a line
 */
export function pushing(common, { got }) {
  async function push(command) {
    const { options, line } = command;
    const isBroadcasting = options.broadcasting !== undefined;
    const consumer = new PushConsumer({
      ...common,
      namesrvAddr: options.namesrv,
      consumerGroup: options.group,
      clientIp: '127.0.0.1',
      instanceName: options.instance,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      persistIntervalMs: 1_000,
      consumeMessageBatchMaxSize: Number(options.batch ?? 1),
      ...(isBroadcasting && { messageModel: 'BROADCASTING', offsetStoreDir: options.offsets }),
      ...(options.strategy && { allocateMessageQueueStrategy: options.strategy }),
    });
    let isFirst = true;
    consumer.subscribe(options.topic).onMessages((messages) => {
      line('BATCH', messages.length);
      for (const message of messages) got(command, message);
      if (options.ack === undefined || !isFirst) return undefined;
      isFirst = false;
      return { ackIndex: Number(options.ack) };
    });
    await consumer.start();
    return () => consumer.shutdown();
  }

  return { push };
}
