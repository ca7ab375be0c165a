/** Our client asks for replies, and replies; see `request` and `reply` in ../java/src/main/java/peer/Peer.java. */
import { createReplyMessage, PushConsumer } from 'millrace';

export function requesting(common, { producer, refused }) {
  async function request(command) {
    const { namesrv, topic, key, timeout = 20_000 } = command.options;
    const sender = await producer(namesrv);
    try {
      const message = { topic, tags: 'TagA', keys: key, body: key };
      const reply = await sender.request(message, { timeoutMs: Number(timeout) });
      command.line('REPLIED', key, reply.topic, reply.text());
    } catch (error) {
      refused(command, key, error);
    }
  }

  async function reply(command) {
    const { namesrv, topic, group } = command.options;
    const sender = await producer(namesrv);
    const consumer = new PushConsumer({
      ...common,
      namesrvAddr: namesrv,
      consumerGroup: group,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    })
      .subscribe(topic)
      .onMessage(async (message) => {
        const [key] = message.keys;
        try {
          const answer = createReplyMessage(message, `reply to ${message.text()}`);
          const { status } = await sender.send(answer);
          command.line('SENT', key, status);
        } catch (error) {
          refused(command, key, error);
        }
      });
    await consumer.start();
    return () => consumer.shutdown();
  }

  return { request, reply };
}
