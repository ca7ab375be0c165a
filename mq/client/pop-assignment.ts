import { MqError } from '../errors.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import { decodeAssignments, encodeAssignmentQuery } from '../protocol/queue-assignment.ts';
import { queryAssignment } from '../protocol/requests/query-assignment.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';
import type { Delivery } from './consume-dispatcher.ts';
import type { MqClient } from './mq-client.ts';
import { PoppedMessages } from './popped-messages.ts';
import { PopPuller, type PopSettings } from './pop-puller.ts';
import type { FailedMessages } from './failed-messages.ts';
import type { RouteWatch } from './route-watch.ts';
import { anyAddress } from './topic-queues.ts';

export interface PopAssignmentOptions extends PopSettings {
  client: MqClient;
  watch: RouteWatch;
  /** RocketMQ's name of the strategy: brokers know AVG and AVG_BY_CIRCLE. */
  strategyName: string;
  maxReconsumeTimes: number | undefined;
  sendBack: FailedMessages;
  subscription: (topic: string) => SubscriptionData | undefined;
  submit: (deliveries: readonly Delivery[]) => void;
}

/** The queues a broker has told this member to pop, each with its puller; and what was popped. */
export class PopAssignment {
  readonly #options: PopAssignmentOptions;
  readonly #pullers = new Map<string, PopPuller>();
  readonly messages: PoppedMessages;
  #isSuspended = false;
  #isStopped = false;

  constructor(options: PopAssignmentOptions) {
    this.#options = options;
    const { routes } = options.watch;
    this.messages = new PoppedMessages({ ...options, routes });
  }

  queues(): MessageQueue[] {
    return Array.from(this.#pullers.values(), ({ queue }) => queue);
  }

  /**
   * Asks a broker which queues of the topic are this member's. Those to pop are popped from now on; those to pull are returned,
   * undefined when no broker can say: then everything stays as it is.
   */
  async share(topic: string): Promise<MessageQueue[] | undefined> {
    const assignments = await this.#ask(topic);
    if (assignments === undefined || this.#isStopped) return undefined;
    const queues = (mode: string): MessageQueue[] =>
      assignments.filter((each) => each.mode === mode).map(({ messageQueue }) => messageQueue);
    this.#pop(topic, queues('POP'));
    return queues('PULL');
  }

  /** Pops nothing more of a topic. */
  leave(topic: string): void {
    this.#pop(topic, []);
  }

  suspend(): void {
    this.#isSuspended = true;
    for (const puller of this.#pullers.values()) puller.pause();
  }

  resume(): void {
    this.#isSuspended = false;
    for (const puller of this.#pullers.values()) puller.resume();
  }

  /** Pops nothing more. */
  stop(): void {
    this.#isStopped = true;
    for (const puller of this.#pullers.values()) puller.stop();
    this.#pullers.clear();
  }

  #pop(topic: string, queues: readonly MessageQueue[]): void {
    const wanted = new Map(queues.map((queue) => [queueKey(queue), queue]));
    for (const [key, puller] of this.#pullers) {
      if (puller.queue.topic !== topic || wanted.has(key)) continue;
      puller.stop();
      this.#pullers.delete(key);
    }
    for (const [key, queue] of wanted) {
      if (this.#pullers.has(key)) continue;
      const { client, watch } = this.#options;
      const puller = new PopPuller({
        ...this.#options,
        routes: watch.routes,
        queue,
        popped: this.messages,
        subscription: () => this.#options.subscription(topic),
        doubtRoute: () => watch.doubt(topic),
      });
      client.settings.logger.debug('begins to pop', { queue: key });
      this.#pullers.set(key, puller);
      if (this.#isSuspended) puller.pause();
      puller.start();
    }
  }

  async #ask(topic: string): Promise<ReturnType<typeof decodeAssignments>> {
    const { client, watch, consumerGroup, strategyName } = this.#options;
    const { clientId } = client;
    const body = encodeAssignmentQuery({
      topic,
      consumerGroup,
      clientId,
      strategyName,
      messageModel: 'CLUSTERING',
    });
    for (const broker of watch.routes.get(topic)?.brokerDatas ?? []) {
      const address = anyAddress(broker);
      if (address === undefined) continue;
      try {
        const reply = await client.call(address, queryAssignment, {}, { body });
        return decodeAssignments(reply.body);
      } catch (error) {
        if (!MqError.is(error)) throw error;
        client.settings.logger.warn('a broker did not assign queues', {
          address,
          topic,
          error: error.message,
        });
      }
    }
    return undefined;
  }
}
