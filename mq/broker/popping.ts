import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { HostAddress } from '../protocol/host-address.ts';
import { poppedTopic, reviveTopic } from '../protocol/names.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { BrokerConfig } from './config.ts';
import type { ConsumerOffsets, GroupQueue } from './consumer-offsets.ts';
import { PopOrder } from './pop-order.ts';
import { PopReading } from './pop-reading.ts';
import type { PopSource } from './pop-records.ts';
import { PopWaits } from './pop-waits.ts';
import { Pops } from './pops.ts';
import type { SubscriptionGroups } from './subscription-groups.ts';
import type { TopicConfigs } from './topic-configs.ts';

export interface PoppingDeps {
  readonly config: BrokerConfig;
  readonly store: MessageStore;
  readonly topics: TopicConfigs;
  readonly groups: SubscriptionGroups;
  readonly offsets: ConsumerOffsets;
  /** consumerOrderInfo.json. */
  readonly orderFile: Pick<JsonConfigFile, 'read' | 'write'>;
  readonly storeHost: () => HostAddress;
  /** By which messages come again. */
  readonly clock: Clock;
  /** By which requests are held. */
  readonly peerClock: Clock;
  readonly logger: Logger;
}

/** Pop consumption: its parts, and what ties them together. */
export class Popping {
  readonly pops: Pops;
  readonly popOrder: PopOrder;
  readonly popReading: PopReading;
  readonly popWaits: PopWaits;
  readonly notificationWaits: PopWaits;

  private constructor(deps: PoppingDeps, popOrder: PopOrder, waits: [PopWaits, PopWaits]) {
    const { config, store } = deps;
    const { brokerName } = config;
    [this.popWaits, this.notificationWaits] = waits;
    this.popOrder = popOrder;
    this.pops = new Pops({
      ...deps,
      brokerName,
      reviveTopic: reviveTopic(config.brokerClusterName),
      reviveQueueNums: config.reviveQueueNum,
      popInflightMessageThreshold: config.popInflightMessageThreshold,
    });
    this.popReading = new PopReading({ ...deps, pops: this.pops, order: popOrder, brokerName });
    this.pops.onRoom((source) => wake(waits, source));
    store.onArrival((arrival) => {
      for (const each of waits) each.messageArrived(arrival);
    });
  }

  /** Errors: STORE_FAILED when consumerOrderInfo.json cannot be read at all. */
  static async open(deps: PoppingDeps): Promise<Popping> {
    const { config, peerClock: clock } = deps;
    const { popPollingSize, maxPopPollingSize } = config;
    const waits: [PopWaits, PopWaits] = [
      new PopWaits({ clock, popPollingSize, maxPopPollingSize }),
      new PopWaits({ clock, popPollingSize, maxPopPollingSize }),
    ];
    const order = await PopOrder.open({
      file: deps.orderFile,
      persistIntervalMs: config.flushConsumerOffsetInterval,
      clock: deps.clock,
      peerClock: deps.peerClock,
      logger: deps.logger,
      onFree: (source) => wake(waits, source),
    });
    return new Popping(deps, order, waits);
  }

  async start(): Promise<void> {
    await this.pops.start();
    this.popOrder.start();
  }

  /** Answers every request that is held: to be called before the connections close. */
  letGo(): void {
    this.popWaits.close();
    this.notificationWaits.close();
  }

  async close(): Promise<void> {
    try {
      await this.pops.close();
    } finally {
      await this.popOrder.close();
    }
  }

  /** A group's progress was set: what it waits for may be there. */
  reset({ group: consumerGroup, topic, queueId }: GroupQueue): void {
    wake([this.popWaits, this.notificationWaits], { consumerGroup, topic, queueId });
  }

  topicDeleted(topic: string): void {
    this.pops.topicDeleted(topic);
    this.popOrder.removeWhere(
      (source) => poppedTopic(source.topic, source.consumerGroup) === topic,
    );
  }

  groupDeleted(group: string): void {
    this.pops.groupDeleted(group);
    this.popOrder.removeWhere(({ consumerGroup }) => consumerGroup === group);
  }
}

function wake(waits: readonly PopWaits[], { consumerGroup, topic, queueId }: PopSource): void {
  const popped = poppedTopic(topic, consumerGroup);
  // Redeliveries go to whoever pops the topic, from whichever queue.
  for (const each of waits) each.wake(consumerGroup, popped, queueId);
}
