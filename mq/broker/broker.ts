import path from 'node:path';
import { stampedBy, systemClock, type Clock } from '../clock.ts';
import { silentLogger, type Logger } from '../logger.ts';
import { formatHostPort, type HostAddress } from '../protocol/host-address.ts';
import { dlqTopic, SystemTopic } from '../protocol/names.ts';
import { ServerEndpoint } from '../metrics/server-endpoint.ts';
import { isLoopback } from '../remoting/bind-address.ts';
import { intercepted, type Intercept } from '../remoting/processor.ts';
import { RemotingClient } from '../remoting/remoting-client.ts';
import { RemotingServer } from '../remoting/remoting-server.ts';
import { JsonConfigFile } from '../store/config-file.ts';
import { ENTRY_BYTES as CONSUME_QUEUE_ENTRY_BYTES } from '../store/consume-queue.ts';
import { nodeFiles, type Files } from '../store/files.ts';
import { MessageStore } from '../store/message-store.ts';
import { advertisedAddress } from './advertised-address.ts';
import type { BrokerContext } from './broker-context.ts';
import { watchedBroker } from './broker-metrics.ts';
import { ClientChannels } from './client-channels.ts';
import { LARGEST_BODY_BYTES, namesrvAddresses, type BrokerConfig } from './config.ts';
import { ConsumerFilters } from './consumer-filters.ts';
import { clusterQueues } from './cluster-queues.ts';
import { ConsumerManager } from './consumer-manager.ts';
import { ConsumerOffsets } from './consumer-offsets.ts';
import { parseDelayLevels } from './delay-levels.ts';
import { logDeadLetter } from './dead-letters.ts';
import { DelayOffsets } from './delay-offsets.ts';
import { parseDeleteHours } from './delete-hours.ts';
import { FilterCache } from './filter-cache.ts';
import { holeFinding, logDamageFinding } from './damage-findings.ts';
import { Findings } from './findings.ts';
import { foreignProtocolFinding } from './foreign-protocol-finding.ts';
import { LongPolling } from './long-polling.ts';
import { MessageCounter } from './message-counter.ts';
import { MessageTraffic } from './message-traffic.ts';
import { MissingTopics } from './missing-topics.ts';
import { MessageRequestModes } from './message-request-modes.ts';
import { NamesrvRegistration } from './namesrv-registration.ts';
import { brokerProcessors } from './processors/index.ts';
import { OffsetResets } from './offset-resets.ts';
import { Popping } from './popping.ts';
import { ProducerManager } from './producer-manager.ts';
import { QueueLocks } from './queue-locks.ts';
import { Rates } from '../rates.ts';
import { DelaySchedule } from './schedule.ts';
import { SharedClientIds } from './shared-client-ids.ts';
import { SubscriptionGroups } from './subscription-groups.ts';
import { isTopicOnAnyBroker, routeOf } from './topic-lookup.ts';
import { Timers } from './timers.ts';
import { isReservedTopic, TopicConfigs } from './topic-configs.ts';
import { Transactions } from './transactions.ts';

export interface BrokerDeps {
  /** Message time: what is stamped on messages, and when delayed ones are due. */
  readonly clock?: Clock;
  /** For connections, heartbeats, leases, held pulls and the disk, which need not follow a jump of `clock`. Default: `clock`. */
  readonly peerClock?: Clock;
  /** Called for every request before its processor. */
  readonly intercept?: Intercept;
  /** Its sockets do not keep the process alive. */
  readonly isBackground?: boolean;
  readonly logger?: Logger;
  readonly files?: Files;
}

/** How long `close` waits for replies under way; longer than an fsync, shorter than an operator's patience. */
const CLOSE_GRACE_MS = 5_000;
const HOUR_MS = 3_600_000;

type Shutdown = () => void | Promise<void>;

/**
 * A broker: its store, its topics and groups, its listening socket and its registration with the name servers.
 */
export class Broker {
  readonly #context: BrokerContext;
  readonly #endpoint: ServerEndpoint | undefined;
  readonly #shutdowns: readonly Shutdown[];
  #closing: Promise<void> | undefined;

  private constructor(
    context: BrokerContext,
    endpoint: ServerEndpoint | undefined,
    shutdowns: readonly Shutdown[],
  ) {
    this.#context = context;
    this.#endpoint = endpoint;
    this.#shutdowns = shutdowns;
  }

  /**
   * Opens the store, recovers it, listens and registers. A broker whose name servers are away starts all the same.
   *
   * Errors: CONFIG_INVALID (cannot listen there), STORE_FAILED (locked by another process, unreadable state). Whatever
   *         had been opened by then is closed again.
   */
  static async start(config: BrokerConfig, deps: BrokerDeps = {}): Promise<Broker> {
    const shutdowns: Shutdown[] = [];
    try {
      const { context, endpoint } = await startParts(config, deps, shutdowns);
      return new Broker(context, endpoint, shutdowns);
    } catch (cause) {
      await shutDown(shutdowns, deps.logger ?? silentLogger);
      throw cause;
    }
  }

  /** What clients dial, host:port. */
  get address(): string {
    return formatHostPort(this.#context.advertised);
  }

  /** Where metrics and health are served, host:port; undefined with metricsExporterType DISABLE. */
  get metricsAddress(): string | undefined {
    return this.#endpoint?.address;
  }

  get config(): BrokerConfig {
    return this.#context.config;
  }

  get store(): MessageStore {
    return this.#context.store;
  }

  /** Its parts, for whoever embeds it: test kits and tools in the same process. */
  get context(): BrokerContext {
    return this.#context;
  }

  /**
   * Leaves the routes, answers held pulls, lets replies under way finish, saves all progress and closes the store. A
   * part that fails to close does not keep the others from it; the first failure is what this rejects with.
   */
  close(): Promise<void> {
    this.#closing ??= shutDown(this.#shutdowns, this.#context.logger);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Starts everything, noting for each part how to stop it. Stopping goes in reverse. */
async function startParts(
  config: BrokerConfig,
  deps: BrokerDeps,
  shutdowns: Shutdown[],
): Promise<{ context: BrokerContext; endpoint: ServerEndpoint | undefined }> {
  const {
    clock = systemClock,
    logger = silentLogger,
    files = nodeFiles,
    intercept,
    isBackground,
  } = deps;
  const peerClock = deps.peerClock ?? clock;
  const startedAt = clock.now();
  // First of all and closed last: who asks while a large store is recovered is told so.
  const endpoint = await ServerEndpoint.start(config, {
    labels: { cluster: config.brokerClusterName, node_type: 'broker', node_id: config.brokerName },
    isBackground,
    logger,
  });
  if (endpoint !== undefined) shutdowns.push(() => endpoint.close());
  let advertised: HostAddress = {
    address: await advertisedAddress(config),
    port: config.listenPort,
  };
  if (isLoopback(config.bindAddress) && !isLoopback(advertised.address)) {
    logger.warn(
      `clients are told to dial ${advertised.address} (brokerIP1), but ${config.bindAddress} is listened on: ` +
        'unless something forwards the port, set bindAddress=0.0.0.0 and allowNonLoopback=true',
    );
  }
  const stateFile = (name: string): JsonConfigFile =>
    new JsonConfigFile(path.join(config.storePathRootDir, 'config', name), files, logger);

  const levels = parseDelayLevels(config.messageDelayLevel);
  const store = await MessageStore.open({
    rootDir: config.storePathRootDir,
    flushDiskType: config.flushDiskType,
    commitLogSegmentBytes: config.mappedFileSizeCommitLog,
    consumeQueueEntriesPerFile: config.mappedFileSizeConsumeQueue / CONSUME_QUEUE_ENTRY_BYTES,
    messageIndexEnable: config.messageIndexEnable,
    maxHashSlotNum: config.maxHashSlotNum,
    maxIndexNum: config.maxIndexNum,
    // maxMessageSize is for what producers send. What was taken before it was lowered is stored anew when it is due or retried.
    maxMessageBytes: LARGEST_BODY_BYTES,
    diskMaxUsedPercent: config.diskSpaceWarningLevelRatio,
    syncFlushTimeoutMs: config.syncFlushTimeout,
    delayLevelsMs: levels,
    storeHost: advertised,
    clock: stampedBy(clock, peerClock),
    files,
    logger,
  });
  shutdowns.push(() => store.close());

  const topics = await TopicConfigs.open({ config, file: stateFile('topics.json'), clock, logger });
  const groups = await SubscriptionGroups.open({
    file: stateFile('subscriptionGroup.json'),
    autoCreate: config.autoCreateSubscriptionGroup,
    clock,
    logger,
  });
  shutdowns.push(() => groups.close());
  const offsets = await ConsumerOffsets.open({
    file: stateFile('consumerOffset.json'),
    persistIntervalMs: config.flushConsumerOffsetInterval,
    clock: peerClock,
    logger,
  });
  shutdowns.push(() => offsets.close());
  const delayOffsets = await DelayOffsets.open({
    file: stateFile('delayOffset.json'),
    flush: () => store.flush(),
    persistIntervalMs: config.flushDelayOffsetInterval,
    clock: peerClock,
    logger,
  });
  shutdowns.push(() => delayOffsets.close());
  const schedule = new DelaySchedule({
    store,
    offsets: delayOffsets,
    levels,
    storeHost: () => advertised,
    queueFor: (topic, queueId) => topics.queueFor(topic, queueId),
    clock,
    logger,
  });
  shutdowns.push(() => schedule.close());
  const timers = await Timers.open({
    store,
    files,
    rootDir: config.storePathRootDir,
    storeHost: () => advertised,
    maxDelayMs: config.timerMaxDelaySec * 1000,
    rollWindowMs: config.timerRollWindowSlot * 1000,
    queueFor: (topic, queueId) => topics.queueFor(topic, queueId),
    clock,
    logger,
  });
  shutdowns.push(() => timers.close());

  const popping = await Popping.open({
    config,
    store,
    topics,
    groups,
    offsets,
    orderFile: stateFile('consumerOrderInfo.json'),
    storeHost: () => advertised,
    clock,
    peerClock,
    logger,
  });
  shutdowns.push(() => popping.close());
  const requestModes = await MessageRequestModes.open({
    file: stateFile('messageRequestMode.json'),
  });

  const findings = new Findings({ clock, logger });
  if (store.damage !== undefined) findings.report(logDamageFinding(store.damage));
  store.onHole((hole) => findings.report(holeFinding(hole)));
  const filterCache = new FilterCache();
  const consumerFilters = await ConsumerFilters.open({
    file: stateFile('consumerFilter.json'),
    cache: filterCache,
    clock: peerClock,
    logger,
  });
  const consumers = new ConsumerManager({
    clock: peerClock,
    logger,
    findings,
    onSubscriptions: (group, subscriptions) => consumerFilters.follow(group, subscriptions),
    onSelectionChanged: (group, topic) => longPolling.selectionChanged(group, topic),
    isNotifyEnabled: (group) =>
      config.notifyConsumerIdsChangedEnable &&
      groups.get(group)?.notifyConsumerIdsChangedEnable !== false,
  });
  const producers = new ProducerManager(peerClock);
  const traffic = new MessageTraffic();
  const transactions = new Transactions({
    store,
    offsets,
    producers,
    queueFor: (topic, queueId) => topics.queueFor(topic, queueId),
    ensureDiscardTopic: () => topics.ensureDiscardTopic(),
    settings: config,
    storeHost: () => advertised,
    onEnded: (topic, isCommitted) => traffic.noteEnded(topic, isCommitted),
    clock,
    logger,
  });
  shutdowns.push(() => transactions.close());
  const queueLocks = await QueueLocks.open({
    file: stateFile('queueLocks.json'),
    clock: peerClock,
    logger,
  });
  const sharedClientIds = new SharedClientIds(findings, peerClock);
  const clientChannels = new ClientChannels({
    consumers,
    producers,
    queueLocks,
    sharedClientIds,
    clock: peerClock,
    logger,
  });
  shutdowns.push(() => clientChannels.close());
  const longPolling = new LongPolling({
    clock: peerClock,
    maxOffsetOf: (topic, queueId) => store.maxOffset(topic, queueId),
  });
  const resets = new OffsetResets({
    offsets,
    consumers,
    longPolling,
    brokerName: config.brokerName,
    onReset: (queue) => popping.reset(queue),
    clock: peerClock,
    logger,
  });
  shutdowns.push(() => resets.close());
  const putRates = new Rates(peerClock);
  const dlqPrefix = dlqTopic('');
  store.onArrival((arrival) => {
    const { topic, sizeBytes } = arrival;
    putRates.add(topic, 1);
    traffic.noteStored(topic, sizeBytes);
    if (topic.startsWith(dlqPrefix)) logDeadLetter(arrival, logger);
  });
  store.onArrival((arrival) => longPolling.messageArrived(arrival));
  const client = new RemotingClient({ clock: peerClock, logger, isBackground });
  shutdowns.push(() => client.close());
  const missingTopics = new MissingTopics({
    clock: peerClock,
    findings,
    hasTopic: (topic) => topics.get(topic) !== undefined,
    isOnAnyBroker: (topic) =>
      isTopicOnAnyBroker(client, namesrvAddresses(config.namesrvAddr), topic),
  });
  const namesrv = new NamesrvRegistration({
    config,
    topics,
    client,
    advertised: () => advertised,
    clock: peerClock,
    logger,
  });

  const context: BrokerContext = {
    config,
    store,
    topics,
    groups,
    offsets,
    resets,
    consumers,
    consumerFilters,
    filterCache,
    producers,
    clientChannels,
    findings,
    sharedClientIds,
    missingTopics,
    queueLocks,
    longPolling,
    schedule,
    transactions,
    timers,
    popping,
    requestModes,
    clusterQueues: clusterQueues({
      topics,
      brokerName: config.brokerName,
      routeOf: (topic) => routeOf(client, namesrvAddresses(config.namesrvAddr), topic),
      clock: peerClock,
    }),
    namesrv,
    putRates,
    traffic,
    getRates: new Rates(peerClock),
    messagesPut: new MessageCounter(peerClock),
    messagesGot: new MessageCounter(peerClock),
    get advertised() {
      return advertised;
    },
    diskUsage: () => files.diskUsage(config.storePathRootDir),
    startedAt,
    clock,
    peerClock,
    logger,
    connections: () => server.connections(),
  };
  const processors = brokerProcessors(context);
  const server = new RemotingServer({
    host: config.bindAddress,
    port: config.listenPort,
    processors: intercept === undefined ? processors : intercepted(processors, intercept),
    idleTimeoutMs: config.serverChannelMaxIdleTimeSeconds * 1000,
    closeGraceMs: CLOSE_GRACE_MS,
    onForeignProtocol: (protocol, remote) =>
      findings.report(foreignProtocolFinding(protocol, remote)),
    onAnswered: endpoint?.onAnswered,
    isBackground,
    clock: peerClock,
    logger,
  });
  // Before anything can be appended: it completes what a crash cut off at the end of the log.
  await transactions.start();
  offsets.cutAt((topic, queueId) => store.maxOffset(topic, queueId));
  delayOffsets.cutAt((level) => store.maxOffset(SystemTopic.SCHEDULE, level - 1));
  // Or the next crash would find it within a queue that has grown again.
  await offsets.persist();
  await delayOffsets.persist();
  await popping.start();
  const listening = await server.start();
  advertised = { ...advertised, port: listening.port };
  shutdowns.push(() => server.close());
  // Before the server's shutdown, too: with the connections all groups go.
  shutdowns.push(() => consumerFilters.close());
  // Before the server's shutdown, which would wait for the held pulls.
  shutdowns.push(() => longPolling.close());
  shutdowns.push(() => popping.letGo());

  offsets.start();
  consumerFilters.start();
  clientChannels.start();
  schedule.start();
  timers.start();
  store.startRetention({
    reservedMs: config.fileReservedTime * HOUR_MS,
    deleteHours: parseDeleteHours(config.deleteWhen),
    maxUsedPercent: config.diskMaxUsedSpaceRatio,
    cleansForcibly: config.cleanFileForciblyEnable,
    cleanForciblyPercent: config.diskSpaceCleanForciblyRatio,
    waitingFrom: () =>
      Math.min(schedule.waitingFrom(), timers.waitingFrom(), transactions.waitingFrom()),
    isTopic: (topic) => topics.get(topic) !== undefined || isReservedTopic(topic, config),
  });
  shutdowns.push(() => namesrv.close());
  await namesrv.start();
  endpoint?.serves(watchedBroker(context));
  shutdowns.push(() => endpoint?.stops());
  return { context, endpoint };
}

async function shutDown(shutdowns: readonly Shutdown[], logger: Logger): Promise<void> {
  const failures: unknown[] = [];
  for (const stop of shutdowns.toReversed()) {
    try {
      await stop();
    } catch (cause) {
      logger.error('a part of the broker did not close cleanly', { cause });
      failures.push(cause);
    }
  }
  if (failures.length > 0) throw failures[0];
}
