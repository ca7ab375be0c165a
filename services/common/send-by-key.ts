import { DomainError } from './errors.ts';
import { isBrokerAway } from './broker-errors.ts';
import { selectByHash, type BatchSender, type Message } from './mq.module.ts';
import { threeTries } from './three-tries.ts';

/**
 * Sends messages of one topic, each to the queue that its shardingKey chooses, in one request a queue.
 *
 * Errors: BROKER.UNAVAILABLE when not all of them are known to be safe; some of them may be: sent again they are there twice.
 */
export async function sendByKey(
  sender: BatchSender,
  messages: readonly (Message & { shardingKey: string })[],
): Promise<void> {
  const [first] = messages;
  if (first === undefined) return;
  try {
    const queues = await sender.queues(first.topic);
    const byQueue = new Map<unknown, Message[]>(queues.map((queue) => [queue, []]));
    for (const message of messages) {
      byQueue.get(selectByHash(message.shardingKey)(queues))?.push(message);
    }
    const batches = [...byQueue.values()].filter(({ length }) => length > 0);
    await Promise.all(
      batches.map(async (batch) => {
        const { status } = await threeTries(() => sender.sendBatch(batch), isBrokerAway);
        // Stored is not enough: any other status says that a crash now could take the messages with it.
        if (status !== 'SEND_OK') throw unavailable(`answered ${status}`);
      }),
    );
  } catch (error) {
    if (!isBrokerAway(error)) throw error;
    throw unavailable('has not taken all messages', error);
  }
}

function unavailable(what: string, cause?: unknown): DomainError {
  return new DomainError('BROKER.UNAVAILABLE', 'unavailable', `the broker ${what}, try again`, {
    cause,
  });
}
