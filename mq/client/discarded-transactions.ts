import { formatHostPort } from '../protocol/host-address.ts';
import { parseOffsetMsgId } from '../protocol/message-id.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import { SystemTopic } from '../protocol/names.ts';
import { getMaxOffset } from '../protocol/requests/get-max-offset.ts';
import { getMinOffset } from '../protocol/requests/get-min-offset.ts';
import { resumeCheckHalfMessage } from '../protocol/requests/resume-check-half-message.ts';
import type { ClusterView } from './cluster-view.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import type { MqClient } from './mq-client.ts';
import { readQueue } from './queue-reader.ts';
import { shownMessage } from './shown-message.ts';
import { readableQueues } from './topic-queues.ts';

/** The queue of the op topic in which our brokers note what was resumed; an original has only queue 0. */
const RESUMED_QUEUE = 1;

/** Half messages that brokers gave up after too many checks. */
export class DiscardedTransactions {
  readonly #client: MqClient;
  readonly #cluster: ClusterView;

  constructor(client: MqClient, cluster: ClusterView) {
    this.#client = client;
    this.#cluster = cluster;
  }

  /** Those that were not resumed, oldest first. An original broker does not say, so all of its are here. */
  async list(): Promise<ConsumedMessage[]> {
    const found: ConsumedMessage[] = [];
    for (const queue of await this.#queues(SystemTopic.TRANSACTION_CHECK_MAX_TIME)) {
      const resumed = await this.#resumed(queue.brokerName);
      for await (const record of this.#records(queue)) {
        if (resumed.has(record.queueOffset)) continue;
        found.push(await shownMessage(this.#client, record, queue.brokerName));
      }
    }
    return found.toSorted((left, right) => left.storeTimestamp - right.storeTimestamp);
  }

  /** Errors: INVALID_ARGUMENT; SYSTEM_ERROR when there is none with this id, or it was resumed already. */
  async resume(offsetMsgId: string): Promise<void> {
    const { host } = parseOffsetMsgId(offsetMsgId);
    await this.#client.call(formatHostPort(host), resumeCheckHalfMessage, {
      topic: SystemTopic.TRANSACTION_CHECK_MAX_TIME,
      msgId: offsetMsgId,
    });
  }

  async #resumed(brokerName: string): Promise<ReadonlySet<number>> {
    const queues = await this.#queues(SystemTopic.TRANSACTION_OP);
    const marks = queues.find(
      (queue) => queue.brokerName === brokerName && queue.queueId === RESUMED_QUEUE,
    );
    const resumed = new Set<number>();
    if (marks === undefined) return resumed;
    for await (const { body } of this.#records(marks)) resumed.add(Number(body.toString()));
    return resumed;
  }

  /** None when no broker has the topic: nothing was given up there yet. */
  async #queues(topic: string): Promise<MessageQueue[]> {
    const route = await this.#cluster.topicRoute(topic);
    return route === undefined ? [] : readableQueues(topic, route);
  }

  async *#records(queue: MessageQueue): AsyncGenerator<MessageExt> {
    const { topic, queueId } = queue;
    const address = await this.#cluster.addressOf(queue);
    const [min, max] = await Promise.all([
      this.#client.call(address, getMinOffset, { topic, queueId }),
      this.#client.call(address, getMaxOffset, { topic, queueId }),
    ]);
    const stretch = { address, queue, from: min.header.offset, to: max.header.offset };
    for await (const page of readQueue(this.#client, stretch)) yield* page;
  }
}
