import { allocateStrategy, shareBy } from '../../../mq/client/allocation.ts';
import { Assignment, type AssignmentOptions } from '../../../mq/client/assignment.ts';
import { clientSettings } from '../../../mq/client/client-options.ts';
import type { Heartbeats } from '../../../mq/client/heartbeats.ts';
import type { CallOptions, MqClient } from '../../../mq/client/mq-client.ts';
import type { PullSettings } from '../../../mq/client/queue-puller.ts';
import { RouteCache } from '../../../mq/client/route-cache.ts';
import type { RouteWatch } from '../../../mq/client/route-watch.ts';
import type { Clock, TimerHandle } from '../../../mq/clock.ts';
import { MqError } from '../../../mq/errors.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import type { TopicRouteData } from '../../../mq/protocol/route.ts';
import { tagSubscription } from '../../../mq/protocol/subscription.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { settle } from '../../support/fake-clock.ts';
import {
  GROUP,
  refusal,
  TOPIC,
  type Answer,
  type ConnectedMember,
  type Reply,
  type SimulatedBroker,
} from './simulated-broker.ts';

const LATENCY_MS = 1;

/** One process of a group, on a clock and a network that can freeze: the real assignment, and whatever consumes what that fetches. */
export abstract class SimulatedProcess implements Clock, ConnectedMember {
  readonly clientId: string;
  readonly #clock: FakeClock;
  readonly #brokers: readonly SimulatedBroker[];
  readonly assignment: Assignment;
  protected readonly client: MqClient;
  protected readonly routes = new RouteCache();
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
    consumption: Pick<AssignmentOptions, 'submit' | 'ordering' | 'onChange'> & {
      pulling: Omit<PullSettings, 'start' | 'maxBodyBytes'>;
    },
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
    this.client = {
      settings,
      clientId: settings.clientId,
      call: (
        address: string,
        definition: { code: number },
        values: object,
        options: CallOptions = {},
      ) => this.#call(address, definition.code, values as Record<string, unknown>, options),
    } as unknown as MqClient;
    this.routes.set(TOPIC, this.#route());
    const watch = { routes: this.routes, doubt: () => undefined } as unknown as RouteWatch;
    const heartbeats = {
      announce: () => this.#announce(() => true),
      announceTo: async (address: string) => {
        if (!this.#announced.has(address)) await this.#announce((other) => other === address);
      },
      announceToUnknown: () => this.#announce((address) => !this.#announced.has(address)),
    } as unknown as Heartbeats;
    this.assignment = new Assignment({
      ...consumption,
      client: this.client,
      watch,
      heartbeats,
      allocation: shareBy(allocateStrategy('AVG'), {
        consumerGroup: GROUP,
        clientId: settings.clientId,
        logger: settings.logger,
      }),
      pulling: {
        ...consumption.pulling,
        start: {
          consumerGroup: GROUP,
          consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
          consumeTimestampMs: 0,
        },
        maxBodyBytes: 1000,
      },
      subscription: () => tagSubscription(TOPIC, '*', 1),
    });
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  get isFrozen(): boolean {
    return this.#state === 'frozen';
  }

  async start(): Promise<void> {
    this.assignment.addTopic(TOPIC);
    this.setInterval(() => void this.assignment.rebalance(), 20_000);
    this.setInterval(() => this.persist(), 5_000);
    this.setInterval(() => void this.#announce(() => true), 30_000);
    this.setInterval(() => void this.#announce((address) => !this.#announced.has(address)), 1_000);
    await this.assignment.routeChanged(TOPIC, this.#route());
  }

  persist(): void {
    void this.assignment.persist();
  }

  /** What consumers do at shutdown, in their order. */
  async leave(graceMs: number): Promise<void> {
    this.isLeaving = true;
    this.assignment.stop();
    await this.finish(graceMs);
    await this.assignment.release();
    await Promise.allSettled(
      this.#brokers.map(({ address }) =>
        this.#call(address, RequestCode.UNREGISTER_CLIENT, {}, {}),
      ),
    );
    this.kill();
  }

  /** Ends what runs on what was fetched. */
  protected abstract finish(graceMs: number): Promise<void>;

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
    this.assignment.brokerIsLost(address);
  }

  groupChanged(): void {
    if (!this.isLeaving) void this.assignment.rebalance();
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

  /** Called with everything this process asks a broker. */
  protected sends(_to: SimulatedBroker, _code: number, _values: Record<string, unknown>): void {}

  async #announce(wanted: (address: string) => boolean): Promise<void> {
    if (this.isLeaving) return;
    const beats = this.#brokers.map(async ({ address }) => {
      if (!wanted(address)) return;
      await this.#call(address, RequestCode.HEART_BEAT, {}, {});
      if (this.#announced.has(address)) return;
      this.#announced.add(address);
      this.assignment.brokerIsBack(address);
      void this.assignment.rebalance();
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
    this.sends(broker, code, values);
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
