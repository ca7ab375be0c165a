import { QueueLocks } from '../../../mq/broker/queue-locks.ts';
import type { CallOptions } from '../../../mq/client/mq-client.ts';
import { silentLogger } from '../../../mq/logger.ts';
import { MqError, type MqErrorCode } from '../../../mq/errors.ts';
import { encodeConsumerList } from '../../../mq/protocol/consumer-list.ts';
import { decodeLockBatchBody, encodeLockedQueues } from '../../../mq/protocol/lock-batch.ts';
import { encodeRecord } from '../../../mq/protocol/message.ts';
import { queueKey, type MessageQueue } from '../../../mq/protocol/message-queue.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { FakeConfigFile } from '../../support/fake-config-file.ts';
import type { FakeClock } from '../../support/fake-clock.ts';

export const TOPIC = 'T';
export const GROUP = 'g';
const HOST = { address: '127.0.0.1', port: 10911 };

export interface Reply {
  code: number;
  header: Record<string, unknown>;
  body?: Buffer;
}

export type Answer = (reply: Reply | MqError) => void;

/** A member of the group, as the broker knows it. */
export interface ConnectedMember {
  readonly clientId: string;
  readonly isDead: boolean;
  deliver(event: () => void): void;
  connectionBroke(address: string): void;
  connectionClosed(address: string): void;
  groupChanged(): void;
}

/** A broker as far as a consumer sees it, its locks the real ones. Progress is saved every 5 s, as in the real one. */
export class SimulatedBroker {
  readonly address: string;
  readonly brokerName: string;
  readonly queues: MessageQueue[];
  readonly #clock: FakeClock;
  readonly #logs = new Map<string, number>();
  readonly #connected = new Map<ConnectedMember, Set<Answer>>();
  readonly #lastHeardMs = new Map<ConnectedMember, number>();
  #members = new Set<ConnectedMember>();
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

  disconnect(member: ConnectedMember): void {
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
    member: ConnectedMember,
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
    member: ConnectedMember,
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
      case RequestCode.GET_MIN_OFFSET:
        ok({ offset: 0 });
        return;
      case RequestCode.GET_MAX_OFFSET:
        ok({ offset: this.length(queue!) });
        return;
      case RequestCode.LITE_PULL_MESSAGE:
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

export function refusal(code: MqErrorCode): MqError {
  return new MqError(code, `simulated ${code}`, { retriable: true });
}
