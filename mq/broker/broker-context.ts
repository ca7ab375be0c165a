import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { HostAddress } from '../protocol/host-address.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import type { Connection } from '../remoting/connection.ts';
import type { DiskUsage } from '../store/files.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { BrokerConfig } from './config.ts';
import type { ClientChannels } from './client-channels.ts';
import type { ConsumerFilters } from './consumer-filters.ts';
import type { ConsumerManager } from './consumer-manager.ts';
import type { ConsumerOffsets } from './consumer-offsets.ts';
import type { Findings } from './findings.ts';
import type { FilterCache } from './filter-cache.ts';
import type { LongPolling } from './long-polling.ts';
import type { MessageCounter } from './message-counter.ts';
import type { MessageTraffic } from './message-traffic.ts';
import type { MissingTopics } from './missing-topics.ts';
import type { MessageRequestModes } from './message-request-modes.ts';
import type { NamesrvRegistration } from './namesrv-registration.ts';
import type { OffsetResets } from './offset-resets.ts';
import type { Popping } from './popping.ts';
import type { ProducerManager } from './producer-manager.ts';
import type { QueueLocks } from './queue-locks.ts';
import type { Rates } from '../rates.ts';
import type { DelaySchedule } from './schedule.ts';
import type { SharedClientIds } from './shared-client-ids.ts';
import type { SubscriptionGroups } from './subscription-groups.ts';
import type { Timers } from './timers.ts';
import type { TopicConfigs } from './topic-configs.ts';
import type { Transactions } from './transactions.ts';

/**
 * The broker's parts, as its request processors see them. One per running broker; every field is set before the first
 * request is served and stays until close.
 */
export interface BrokerContext {
  readonly config: BrokerConfig;
  readonly store: MessageStore;
  readonly topics: TopicConfigs;
  readonly groups: SubscriptionGroups;
  readonly offsets: ConsumerOffsets;
  readonly resets: OffsetResets;
  readonly consumers: ConsumerManager;
  readonly consumerFilters: ConsumerFilters;
  readonly filterCache: FilterCache;
  readonly producers: ProducerManager;
  readonly clientChannels: ClientChannels;
  readonly findings: Findings;
  readonly sharedClientIds: SharedClientIds;
  readonly missingTopics: MissingTopics;
  readonly queueLocks: QueueLocks;
  readonly longPolling: LongPolling;
  readonly schedule: DelaySchedule;
  readonly timers: Timers;
  readonly transactions: Transactions;
  readonly popping: Popping;
  readonly requestModes: MessageRequestModes;
  /** The readable queues of a topic on all brokers; undefined when nobody has it. */
  readonly clusterQueues: (topic: string) => Promise<readonly MessageQueue[] | undefined>;
  readonly namesrv: NamesrvRegistration;
  /** What clients are told to dial: brokerIP1 and the port actually listened on. */
  readonly advertised: HostAddress;
  /** Messages stored, and messages handed out by pulls. */
  readonly messagesPut: MessageCounter;
  readonly messagesGot: MessageCounter;
  /** Messages stored, by topic; and handed out by pulls, by `rateKey`. */
  readonly putRates: Rates;
  readonly getRates: Rates;
  /** Counted since the start. */
  readonly traffic: MessageTraffic;
  /** Of the disk the store is on. */
  readonly diskUsage: () => DiskUsage;
  /** ms since epoch. */
  readonly startedAt: number;
  /** Message time. */
  readonly clock: Clock;
  /** For whatever concerns connections and not messages. */
  readonly peerClock: Clock;
  readonly logger: Logger;
  /** Every open client connection, for the runtime counters. */
  readonly connections: () => Iterable<Connection>;
}
