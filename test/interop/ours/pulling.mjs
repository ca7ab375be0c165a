/** Our pull consumer as a test peer; see `poll` and `pull` in ../java/src/main/java/peer/Peer.java. */
import { LitePullConsumer } from 'millrace';

const POLL_MS = 200;

/**
 * @param {object} common options of every client
 * @param {{ got: Function, refused: Function }} tell writes a message, or a refusal, as a line
 */
export function pulling(common, { got, refused }) {
  const consumerOf = ({ options }) =>
    new LitePullConsumer({
      ...common,
      namesrvAddr: options.namesrv,
      consumerGroup: options.group,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      autoCommit: options.auto !== undefined,
      autoCommitIntervalMillis: 1_000,
    });

  async function poll(command) {
    const { topic, tags = '*', assign, seek } = command.options;
    const consumer = consumerOf(command);
    if (assign === undefined) consumer.subscribe(topic, tags);
    else consumer.setSubExpressionForAssign(topic, tags);
    await consumer.start();
    if (assign !== undefined) {
      const queues = await consumer.fetchMessageQueues(topic);
      await consumer.assign(queues);
      for (const queue of queues) {
        if (seek === 'begin') await consumer.seekToBegin(queue);
        else if (seek === 'end') await consumer.seekToEnd(queue);
        else if (seek !== undefined) await consumer.seek(queue, Number(seek));
      }
    }
    const stopping = new AbortController();
    const polling = (async () => {
      while (!stopping.signal.aborted) {
        const messages = await consumer.poll({ timeoutMs: POLL_MS });
        for (const message of messages) got(command, message);
        if (command.options.auto === undefined && messages.length > 0) await consumer.commit();
      }
    })();
    return async () => {
      stopping.abort();
      await polling;
      await consumer.shutdown();
    };
  }

  async function pull(command) {
    const { topic, queue, offset, tags = '*', count = 32, block } = command.options;
    const [brokerName, queueId] = queue.split(':');
    const consumer = consumerOf(command);
    await consumer.start();
    try {
      const { status, nextBeginOffset, minOffset, maxOffset, messages } = await consumer.pull(
        { topic, brokerName, queueId: Number(queueId) },
        Number(offset),
        {
          maxCount: Number(count),
          expression: tags,
          ...(block !== undefined && { timeoutMs: 20_000 }),
        },
      );
      command.line('PULLED', status, nextBeginOffset, minOffset, maxOffset);
      for (const message of messages) got(command, message);
    } catch (error) {
      refused(command, topic, error);
    } finally {
      await consumer.shutdown();
    }
  }

  return { poll, pull };
}
