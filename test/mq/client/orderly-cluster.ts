import { QueueLocks } from '../../../mq/broker/queue-locks.ts';
import { Assignment } from '../../../mq/client/assignment.ts';
import { clientSettings } from '../../../mq/client/client-options.ts';
import type { Heartbeats } from '../../../mq/client/heartbeats.ts';
import type { CallOptions, MqClient } from '../../../mq/client/mq-client.ts';
import { createOrdering, type Ordering } from '../../../mq/client/ordering.ts';
import type { MessageListenerOrderly } from '../../../mq/client/orderly-listener.ts';
import { RouteCache } from '../../../mq/client/route-cache.ts';
import type { RouteWatch } from '../../../mq/client/route-watch.ts';
import type { SendBack } from '../../../mq/client/send-back.ts';
import type { Clock, TimerHandle } from '../../../mq/clock.ts';
import { silentLogger } from '../../../mq/logger.ts';
import { MqError, type MqErrorCode } from '../../../mq/errors.ts';
import { encodeConsumerList } from '../../../mq/protocol/consumer-list.ts';
import { decodeLockBatchBody, encodeLockedQueues } from '../../../mq/protocol/lock-batch.ts';
import { encodeRecord } from '../../../mq/protocol/message.ts';
import { queueKey, type MessageQueue } from '../../../mq/protocol/message-queue.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import type { TopicRouteData } from '../../../mq/protocol/route.ts';
import { tagSubscription } from '../../../mq/protocol/subscription.ts';
import { FakeConfigFile } from '../../support/fake-config-file.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { settle } from '../../support/fake-clock.ts';

const TOPIC = 'T';
const GROUP = 'g';
const LATENCY_MS = 1;
const HOST = { address: '127.0.0.1', port: 10911 };

interface Reply {
  code: number;
  header: Record<string, unknown>;
  body?: Buffer;
}

type Answer = (reply: Reply | MqError) => void;

/** A broker as far as an ordered consumer sees it, its locks the real ones. Progress is saved every 5 s, as in the real one. */
export class SimulatedBroker {
  readonly address: string;
  readonly brokerName: string;
  readonly queues: MessageQueue[];
  readonly #clock: FakeClock;
  readonly #logs = new Map<string, number>();
  readonly #connected = new Map<Member, Set<Answer>>();
  readonly #lastHeardMs = new Map<Member, number>();
  #members = new Set<Member>();
  #holds: { queue: MessageQueue; offset: number; answer: Answer }[] = [];
  readonly #lockFile: FakeConfigFile | undefined;
  #locks: QueueLocks;
  #committed = new Map<string, number>();
  #saved = new Map<string, number>();
  isUp = true;
  /** Requests that came while it hung, in the order they came. */
  #stalled: (() => void)[] | undefined;
  /** Each commit that went back behind an earlier one. */
  readonly setBacks: string[] = [];

  /** `remembersLocks`: as ours does; an original forgets them when it is killed. */
  constructor(
    clock: FakeClock,
    options: { index: number; queueCount: number; remembersLocks: boolean },
  ) {
    const { index, queueCount } = options;
    this.#clock = clock;
    this.#lockFile = options.remembersLocks ? new FakeConfigFile() : undefined;
    this.address = `h:${index}`;
    this.brokerName = `broker-${index}`;
    this.queues = Array.from({ length: queueCount }, (_, queueId) => ({
      topic: TOPIC,
      brokerName: this.brokerName,
      queueId,
    }));
    this.#locks = new QueueLocks(clock, this.#lockDeps());
    clock.setInterval(() => (this.#saved = new Map(this.#committed)), 5_000);
    clock.setInterval(() => this.#dropSilent(), 10_000);
  }

  committed(queue: MessageQueue): number | undefined {
    return this.#committed.get(queueKey(queue));
  }

  length(queue: MessageQueue): number {
    return this.#logs.get(queueKey(queue)) ?? 0;
  }

  append(queue: MessageQueue): void {
    this.#logs.set(queueKey(queue), this.length(queue) + 1);
    const woken = this.#holds.filter((hold) => hold.queue.queueId === queue.queueId);
    this.#holds = this.#holds.filter((hold) => !woken.includes(hold));
    for (const { offset, answer } of woken) answer(this.#messages(queue, offset));
  }

  /** `kill -9`: connections, locks, members and unsaved progress are gone. */
  kill(): void {
    this.isUp = false;
    this.#stalled = undefined;
    this.#committed = new Map(this.#saved);
    this.#members = new Set();
    this.#holds = [];
    for (const member of this.#connected.keys()) this.disconnect(member);
  }

  /** Takes requests and does nothing with them. */
  stall(): void {
    this.#stalled ??= [];
  }

  resume(): void {
    const stalled = this.#stalled;
    this.#stalled = undefined;
    for (const serve of stalled ?? []) serve();
  }

  async restart(): Promise<void> {
    const deps = this.#lockDeps();
    this.#locks =
      deps === undefined
        ? new QueueLocks(this.#clock)
        : await QueueLocks.open({ ...deps, clock: this.#clock });
    this.isUp = true;
  }

  disconnect(member: Member): void {
    const open = this.#connected.get(member);
    if (open === undefined) return;
    this.#connected.delete(member);
    for (const answer of open) answer(refusal('CONNECTION_CLOSED'));
    member.connectionBroke(this.address);
    member.deliver(() => member.connectionClosed(this.address));
    if (this.#members.delete(member)) this.#notify();
  }

  /** What a request does when it arrives; the answer goes out at once, or when there is something to say. */
  serve(
    member: Member,
    code: number,
    values: Record<string, unknown>,
    options: CallOptions,
    to: Answer,
  ): void {
    if (!this.isUp) {
      to(refusal('CONNECT_FAILED'));
      return;
    }
    const open = this.#connected.get(member) ?? new Set<Answer>();
    this.#connected.set(member, open);
    open.add(to);
    const answer: Answer = (reply) => {
      if (!open.delete(to)) return;
      to(reply);
    };
    const serve = (): void => this.#serve(member, code, values, options, answer);
    if (this.#stalled === undefined) serve();
    else this.#stalled.push(serve);
  }

  #serve(
    member: Member,
    code: number,
    values: Record<string, unknown>,
    options: CallOptions,
    answer: Answer,
  ): void {
    const ok = (header: Record<string, unknown> = {}, body?: Buffer): void =>
      answer({ code: 0, header, ...(body && { body }) });
    const queue = this.queues.find(({ queueId }) => queueId === values['queueId']);
    switch (code) {
      case RequestCode.HEART_BEAT: {
        // Its connection closed while the heartbeat waited here.
        if (member.isDead) return;
        this.#lastHeardMs.set(member, this.#clock.monotonicMs());
        const isNew = !this.#members.has(member);
        this.#members.add(member);
        ok();
        if (isNew) this.#notify();
        return;
      }
      case RequestCode.UNREGISTER_CLIENT:
        ok();
        if (this.#members.delete(member)) this.#notify();
        return;
      case RequestCode.GET_CONSUMER_LIST_BY_GROUP: {
        const ids = Array.from(this.#members, ({ clientId }) => clientId);
        if (ids.length === 0) answer(refusal('SYSTEM_ERROR'));
        else ok({}, encodeConsumerList(ids));
        return;
      }
      case RequestCode.LOCK_BATCH_MQ: {
        const { clientId, mqSet } = decodeLockBatchBody(options.body);
        const granted = this.#locks.lock(GROUP, clientId, mqSet);
        void this.#locks.saved().then(() => ok({}, encodeLockedQueues(granted)));
        return;
      }
      case RequestCode.UNLOCK_BATCH_MQ: {
        const { clientId, mqSet } = decodeLockBatchBody(options.body);
        this.#locks.unlock(GROUP, clientId, mqSet);
        void this.#locks.saved().then(() => ok());
        return;
      }
      case RequestCode.QUERY_CONSUMER_OFFSET: {
        const offset = this.committed(queue!);
        if (offset === undefined) answer(refusal('QUERY_NOT_FOUND'));
        else ok({ offset });
        return;
      }
      case RequestCode.UPDATE_CONSUMER_OFFSET: {
        const offset = values['commitOffset'] as number;
        const before = this.committed(queue!) ?? 0;
        if (offset < before) {
          this.setBacks.push(`${member.clientId} ${queueKey(queue!)} ${before} -> ${offset}`);
        }
        this.#committed.set(queueKey(queue!), offset);
        ok();
        return;
      }
      case RequestCode.PULL_MESSAGE: {
        const offset = values['queueOffset'] as number;
        if (offset < this.length(queue!)) {
          answer(this.#messages(queue!, offset));
          return;
        }
        const hold = { queue: queue!, offset, answer };
        this.#holds.push(hold);
        this.#clock.setTimeout(() => {
          this.#holds = this.#holds.filter((other) => other !== hold);
          answer({ ...this.#messages(queue!, offset), code: ResponseCode.PULL_NOT_FOUND });
        }, 15_000);
        return;
      }
      default:
        answer(refusal('REQUEST_CODE_NOT_SUPPORTED'));
    }
  }

  #messages(queue: MessageQueue, from: number): Reply {
    const end = Math.min(this.length(queue), from + 8);
    const records = Array.from({ length: Math.max(end - from, 0) }, (_, index) =>
      encodeRecord({
        topic: TOPIC,
        queueId: queue.queueId,
        flag: 0,
        queueOffset: from + index,
        commitLogOffset: 0,
        sysFlag: 0,
        bornTimestamp: 1,
        bornHost: HOST,
        storeTimestamp: 2,
        storeHost: HOST,
        reconsumeTimes: 0,
        preparedTransactionOffset: 0,
        body: Buffer.from('x'),
        propertiesString: '',
      }),
    );
    return {
      code: 0,
      header: {
        suggestWhichBrokerId: 0,
        nextBeginOffset: Math.max(end, from),
        minOffset: 0,
        maxOffset: this.length(queue),
      },
      body: Buffer.concat(records),
    };
  }

  #lockDeps() {
    return this.#lockFile && { file: this.#lockFile, logger: silentLogger };
  }

  #notify(): void {
    for (const member of this.#members) member.deliver(() => member.groupChanged());
  }

  #dropSilent(): void {
    const sinceMs = this.#clock.monotonicMs() - 120_000;
    for (const member of this.#members) {
      if ((this.#lastHeardMs.get(member) ?? 0) < sinceMs) this.disconnect(member);
    }
  }
}

function refusal(code: MqErrorCode): MqError {
  return new MqError(code, `simulated ${code}`, { retriable: true });
}

/** One process of the group: the real assignment, locks and dispatcher, on a clock and a network that can freeze. */
export class Member implements Clock {
  readonly clientId: string;
  readonly #clock: FakeClock;
  readonly #brokers: readonly SimulatedBroker[];
  readonly #assignment: Assignment;
  readonly #ordering: Ordering;
  readonly #announced = new Set<string>();
  /** Addresses whose connection is gone, which this process has not noticed yet: what it sends there is lost. */
  readonly #broken = new Set<string>();
  /** What happened to this process while it could not run: timers first, as its event loop has them. */
  #overdue: (() => void)[] = [];
  #inbox: (() => void)[] = [];
  readonly #intervals = new Set<TimerHandle>();
  #state: 'running' | 'frozen' | 'dead' = 'running';
  frozenSinceMs = Infinity;
  isLeaving = false;

  constructor(
    name: string,
    clock: FakeClock,
    brokers: readonly SimulatedBroker[],
    listener: MessageListenerOrderly,
    graceMs: number,
  ) {
    this.#clock = clock;
    this.#brokers = brokers;
    const settings = clientSettings({
      namesrvAddr: 'h:1',
      clientIp: 'ip',
      instanceName: name,
      clock: this,
    });
    this.clientId = settings.clientId;
    // Only what these classes use of the ones they know: the rest would open sockets.
    const client = {
      settings,
      clientId: settings.clientId,
      call: (
        address: string,
        definition: { code: number },
        values: object,
        options: CallOptions = {},
      ) => this.#call(address, definition.code, values as Record<string, unknown>, options),
    } as unknown as MqClient;
    const routes = new RouteCache();
    routes.set(TOPIC, this.#route());
    const watch = { routes, doubt: () => undefined } as unknown as RouteWatch;
    const heartbeats = {
      announce: () => this.#announce(() => true),
      announceToUnknown: () => this.#announce((address) => !this.#announced.has(address)),
    } as unknown as Heartbeats;
    this.#assignment = new Assignment({
      client,
      watch,
      heartbeats,
      pulling: {
        start: {
          consumerGroup: GROUP,
          consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
          consumeTimestampMs: 0,
        },
        limits: { maxCount: 20, maxBytes: 1_000_000, maxSpan: 2000 },
        pullBatchSize: 8,
        maxBodyBytes: 1000,
      },
      subscription: () => tagSubscription(TOPIC, '*', 1),
      submit: (deliveries) => this.#ordering.dispatcher.submit(deliveries),
      ordering: () => this.#ordering,
    });
    this.#ordering = createOrdering({
      client,
      routes,
      sendBack: {} as SendBack,
      consumerGroup: GROUP,
      listener,
      concurrency: 3,
      suspendCurrentQueueTimeMs: 1_000,
      maxReconsumeTimes: undefined,
      graceMs,
      onLost: (queue) => this.#assignment.lockIsLost(queue),
      onGained: (queue) => this.#assignment.lockIsGained(queue),
    });
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  get isFrozen(): boolean {
    return this.#state === 'frozen';
  }

  async start(): Promise<void> {
    this.#assignment.addTopic(TOPIC);
    this.#ordering.locks.start();
    this.setInterval(() => void this.#assignment.rebalance(), 20_000);
    this.setInterval(() => void this.#assignment.persist(), 5_000);
    this.setInterval(() => void this.#announce(() => true), 30_000);
    this.setInterval(() => void this.#announce((address) => !this.#announced.has(address)), 1_000);
    await this.#assignment.routeChanged(TOPIC, this.#route());
  }

  /** What PushConsumer.shutdown does, in its order. */
  async leave(graceMs: number): Promise<void> {
    this.isLeaving = true;
    this.#assignment.stop();
    await this.#ordering.dispatcher.stop(graceMs);
    await this.#assignment.release();
    await Promise.allSettled(
      this.#brokers.map(({ address }) =>
        this.#call(address, RequestCode.UNREGISTER_CLIENT, {}, {}),
      ),
    );
    this.kill();
  }

  kill(): void {
    if (this.isDead) return;
    this.#state = 'dead';
    for (const interval of this.#intervals) this.#clock.clearInterval(interval);
    for (const broker of this.#brokers) broker.disconnect(this);
  }

  freeze(): void {
    if (this.#state !== 'running') return;
    this.#state = 'frozen';
    this.frozenSinceMs = this.#clock.monotonicMs();
  }

  async thaw(): Promise<void> {
    if (this.#state !== 'frozen') return;
    this.#state = 'running';
    this.frozenSinceMs = Infinity;
    for (const missed of [...this.#overdue.splice(0), ...this.#inbox.splice(0)]) {
      missed();
      await settle(1);
    }
  }

  deliver(event: () => void): void {
    if (this.#state === 'running') event();
    else if (this.#state === 'frozen') this.#inbox.push(event);
  }

  /** Whether the connection is gone without this process having noticed. */
  isCutOff(address: string): boolean {
    return this.#broken.has(address);
  }

  connectionBroke(address: string): void {
    this.#broken.add(address);
  }

  connectionClosed(address: string): void {
    this.#broken.delete(address);
    this.#announced.delete(address);
    this.#assignment.brokerIsLost(address);
  }

  groupChanged(): void {
    if (!this.isLeaving) void this.#assignment.rebalance();
  }

  now(): number {
    return this.#clock.now();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    return this.#clock.setTimeout(() => this.#fire(callback), delayMs);
  }

  setInterval(callback: () => void, periodMs: number): TimerHandle {
    const interval = this.#clock.setInterval(() => this.#fire(callback), periodMs);
    this.#intervals.add(interval);
    return interval;
  }

  clearTimeout(handle: TimerHandle | undefined): void {
    this.#clock.clearTimeout(handle);
  }

  clearInterval(handle: TimerHandle | undefined): void {
    this.#clock.clearInterval(handle);
  }

  #fire(callback: () => void): void {
    if (this.#state === 'running') callback();
    else if (this.#state === 'frozen' && !this.#overdue.includes(callback))
      this.#overdue.push(callback);
  }

  async #announce(wanted: (address: string) => boolean): Promise<void> {
    if (this.isLeaving) return;
    const beats = this.#brokers.map(async ({ address }) => {
      if (!wanted(address)) return;
      await this.#call(address, RequestCode.HEART_BEAT, {}, {});
      if (this.#announced.has(address)) return;
      this.#announced.add(address);
      this.#assignment.brokerIsBack(address);
      void this.#assignment.rebalance();
    });
    await Promise.allSettled(beats);
  }

  #call(
    address: string,
    code: number,
    values: Record<string, unknown>,
    options: CallOptions,
  ): Promise<Reply> {
    const broker = this.#brokers.find((other) => other.address === address)!;
    return new Promise((resolve, reject) => {
      const timer = this.setTimeout(
        () => end(() => reject(refusal('REQUEST_TIMEOUT'))),
        options.timeoutMs ?? 3_000,
      );
      const abort = (): void => end(() => reject(refusal('REQUEST_ABORTED')));
      const end = (how: () => void): void => {
        this.clearTimeout(timer);
        options.signal?.removeEventListener('abort', abort);
        how();
      };
      options.signal?.addEventListener('abort', abort);
      const answered: Answer = (reply) =>
        this.deliver(() => end(() => (reply instanceof MqError ? reject(reply) : resolve(reply))));
      const back: Answer = (reply) =>
        void this.#clock.setTimeout(() => answered(reply), LATENCY_MS);
      const isLost = this.#broken.has(address);
      this.#clock.setTimeout(() => {
        if (isLost) back(refusal('CONNECTION_CLOSED'));
        else if (!this.isDead) broker.serve(this, code, values, options, back);
      }, LATENCY_MS);
    });
  }

  #route(): TopicRouteData {
    return {
      brokerDatas: this.#brokers.map(({ address, brokerName }) => ({
        cluster: 'c',
        brokerName,
        brokerAddrs: new Map([[0, address]]),
      })),
      queueDatas: this.#brokers.map(({ brokerName, queues }) => ({
        brokerName,
        readQueueNums: queues.length,
        writeQueueNums: queues.length,
        perm: 6,
        topicSysFlag: 0,
      })),
    };
  }
}
