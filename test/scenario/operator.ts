import { clientSettings } from '../../mq/client/client-options.ts';
import { ClusterView } from '../../mq/client/cluster-view.ts';
import { MqClient } from '../../mq/client/mq-client.ts';
import { readQueue } from '../../mq/client/queue-reader.ts';
import { readableQueues } from '../../mq/client/topic-queues.ts';
import { Admin, MqError, type ShrinkTopicOptions, type RedriveResult } from '../../mq/index.ts';
import type { RequestOf } from '../../mq/protocol/define-request.ts';
import type { MessageExt } from '../../mq/protocol/message.ts';
import { dlqTopic, SystemTopic } from '../../mq/protocol/names.ts';
import { PropertyKey } from '../../mq/protocol/properties.ts';
import { endTransaction } from '../../mq/protocol/requests/end-transaction.ts';
import { getMaxOffset } from '../../mq/protocol/requests/get-max-offset.ts';
import { getMinOffset } from '../../mq/protocol/requests/get-min-offset.ts';
import { resumeCheckHalfMessage } from '../../mq/protocol/requests/resume-check-half-message.ts';
import { updateConsumerOffset } from '../../mq/protocol/requests/update-consumer-offset.ts';
import { MASTER_ID } from '../../mq/protocol/route.ts';
import type { SimulatedProcess } from './world.ts';

/** Looks at the cluster from outside, and does what operators and late producers may do. */
export class Operator {
  readonly #process: SimulatedProcess;
  readonly #client: MqClient;
  readonly #cluster: ClusterView;
  readonly #admin: Admin;
  readonly #shrinks = new Map<string, { abort: AbortController; outcome: string }>();

  constructor(process: SimulatedProcess, namesrvAddr: string) {
    this.#process = process;
    const options = { namesrvAddr, clientIp: '127.0.0.1', clock: process.clock };
    this.#client = new MqClient(clientSettings({ ...options, instanceName: 'operator' }));
    this.#cluster = new ClusterView(this.#client);
    this.#admin = new Admin({ ...options, instanceName: 'admin' });
  }

  run<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    return this.#process.run(() => work(this.#admin));
  }

  /** Begins to. What becomes of it, `shrinkOutcome` tells. */
  shrink(topic: string, queueNums: number, options: ShrinkTopicOptions): void {
    const abort = new AbortController();
    const shrink = { abort, outcome: 'goes on' };
    this.#shrinks.set(topic, shrink);
    this.run((admin) =>
      admin.shrinkTopic(topic, queueNums, { ...options, signal: abort.signal }),
    ).then(
      () => (shrink.outcome = 'is done'),
      (error: unknown) => (shrink.outcome = MqError.is(error) ? error.code : String(error)),
    );
  }

  abortShrink(topic: string): void {
    this.#shrinks.get(topic)?.abort.abort();
  }

  shrinkOutcome(topic: string): string {
    return this.#shrinks.get(topic)?.outcome ?? 'was not begun';
  }

  kill(): void {
    this.#process.kill();
  }

  setRetryLimit(consumerGroup: string, retryMaxTimes: number): Promise<void> {
    return this.#process.run(() =>
      this.#admin.updateSubscriptionGroup({ consumerGroup, retryMaxTimes }),
    );
  }

  /** Everything that a consumer could get of a topic, queue by queue, in order; nothing of one that does not exist. */
  visible(topic: string): Promise<MessageExt[]> {
    return this.#process.run(async () => {
      const route = await this.#cluster.topicRoute(topic);
      if (route === undefined) return [];
      const records: MessageExt[] = [];
      for (const queue of readableQueues(topic, route)) {
        const broker = route.brokerDatas.find(({ brokerName }) => brokerName === queue.brokerName);
        const address = broker?.brokerAddrs.get(MASTER_ID);
        if (address !== undefined)
          records.push(...(await this.#read(address, topic, queue.queueId)));
      }
      return records;
    });
  }

  /** What a member says of its progress that has lost its connection and not joined again. */
  reportOneway(address: string, progress: RequestOf<typeof updateConsumerOffset>): Promise<void> {
    return this.#process.run(() => this.#client.oneway(address, updateConsumerOffset, progress));
  }

  deadLetters(group: string): Promise<MessageExt[]> {
    return this.visible(dlqTopic(group));
  }

  async redrive(group: string, bodies: readonly string[] | 'all'): Promise<RedriveResult[]> {
    if (bodies === 'all') return this.#process.run(() => this.#admin.redriveDlq(group, 'all'));
    const letters = await this.deadLetters(group);
    const offsetMsgIds = bodies.map((body) => {
      const letter = letters.find((each) => each.body.toString() === body);
      if (letter === undefined) throw new Error(`${body} is no dead letter of ${group}`);
      return letter.offsetMsgId;
    });
    return this.#process.run(() => this.#admin.redriveDlq(group, { offsetMsgIds }));
  }

  /** Ends a transaction once more, by its first half message, and returns what the broker answers. */
  async tell(address: string, transaction: string, decision: number): Promise<string> {
    const [half] = await this.#named(address, SystemTopic.TRANSACTION_HALF, transaction);
    try {
      await this.#process.run(() =>
        this.#client.call(address, endTransaction, {
          producerGroup: half.properties.get(PropertyKey.PGROUP) ?? '',
          tranStateTableOffset: half.queueOffset,
          commitLogOffset: half.commitLogOffset,
          commitOrRollback: decision,
          fromTransactionCheck: false,
          msgId: half.msgId,
          transactionId: half.msgId,
        }),
      );
      return 'SUCCESS';
    } catch (error) {
      if (MqError.is(error)) return error.code;
      throw error;
    }
  }

  discarded(address: string): Promise<MessageExt[]> {
    return this.#process.run(() => this.#read(address, SystemTopic.TRANSACTION_CHECK_MAX_TIME, 0));
  }

  async resume(address: string, transaction: string): Promise<void> {
    const found = await this.#named(address, SystemTopic.TRANSACTION_CHECK_MAX_TIME, transaction);
    const msgId = found.at(-1)!.offsetMsgId;
    await this.#process.run(() => this.#client.call(address, resumeCheckHalfMessage, { msgId }));
  }

  async #named(
    address: string,
    topic: string,
    body: string,
  ): Promise<[MessageExt, ...MessageExt[]]> {
    const records = await this.#process.run(() => this.#read(address, topic, 0));
    const [first, ...others] = records.filter((record) => record.body.toString() === body);
    if (first === undefined) throw new Error(`${topic} has no ${body}`);
    return [first, ...others];
  }

  async #read(address: string, topic: string, queueId: number): Promise<MessageExt[]> {
    const from = await this.#client.call(address, getMinOffset, { topic, queueId });
    const to = await this.#client.call(address, getMaxOffset, { topic, queueId });
    const queue = { topic, brokerName: '', queueId };
    const pages = readQueue(this.#client, {
      address,
      queue,
      from: from.header.offset,
      to: to.header.offset,
    });
    const records: MessageExt[] = [];
    for await (const page of pages) records.push(...page);
    return records;
  }
}
