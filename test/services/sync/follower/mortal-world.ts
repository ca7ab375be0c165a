import type { SeededRandom } from '../../../../infra/seeded-random.ts';
import {
  selectByHash,
  type Message,
  type MessageQueue,
} from '../../../../services/common/mq.module.ts';
import { MqError } from '../../../../services/common/mq.module.ts';
import {
  ORDER_BINLOG,
  parseRowChange,
  positionOfProperties,
  type BinlogPosition,
  type RowChange,
} from '../../../../services/contracts/order-binlog.ts';
import type { Checkpoint } from '../../../../services/sync/follower/checkpoints.ts';
import {
  parseFollowedTables,
  DEFAULT_TABLES,
} from '../../../../services/sync/follower/followed-tables.ts';
import type { FollowerSettings } from '../../../../services/sync/follower/follower-settings.ts';
import type { FollowingParts } from '../../../../services/sync/follower/following.ts';
import type { QueuePort } from '../../../../services/sync/follower/queue-port.ts';
import { recordingLog } from '../../recording-log.ts';
import { FAKE_FILE, FAKE_SCHEMA, FakeBinlog, FakeClient, type ClientFault } from './fake-binlog.ts';

export const followedTables = parseFollowedTables(DEFAULT_TABLES).tables;

export function fakeSettings(changed: Partial<FollowerSettings> = {}): FollowerSettings {
  return {
    source: { host: 'fake', port: 1, user: 'u', password: '', schema: FAKE_SCHEMA },
    tables: followedTables,
    serverId: 1,
    maxWaitingCount: 16,
    batchCount: 4,
    checkpointMs: 1,
    heartbeatMs: 1_000,
    minBackoffMs: 1,
    maxBackoffMs: 8,
    ...changed,
  };
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const never = new Promise<never>(() => undefined);

/** A process that dies at a given step, before or after what it was about to do, and does nothing from then on. */
export class Life {
  isOver = false;
  readonly #onDeath: (() => void)[] = [];
  readonly death = new Promise<void>((resolve) => this.#onDeath.push(resolve));
  #stepsLeft: number;

  constructor(steps: number) {
    this.#stepsLeft = steps;
  }

  /** Settles unless this was the last step. */
  async step(): Promise<void> {
    await turn();
    if (this.isOver) await never;
    if (--this.#stepsLeft > 0) return;
    this.isOver = true;
    for (const notice of this.#onDeath) notice();
    await never;
  }

  onDeath(notice: () => void): void {
    this.#onDeath.push(notice);
  }
}

/** A source, a broker and a database that outlive every follower between them. */
export class MortalWorld {
  readonly binlog = new FakeBinlog();
  readonly queues: MessageQueue[];
  readonly stored = new Map<number, Message[]>();
  readonly links = new Map<string, string>();
  checkpoint: Checkpoint;
  readonly #random: SeededRandom;

  constructor(random: SeededRandom, queueCount: number) {
    this.#random = random;
    this.queues = Array.from({ length: queueCount }, (_, queueId) => ({
      topic: ORDER_BINLOG,
      brokerName: 'broker-a',
      queueId,
    }));
    for (const { queueId } of this.queues) this.stored.set(queueId, []);
    this.checkpoint = {
      position: { file: FAKE_FILE, offset: 4, row: 0 },
      queues: this.queues.map((queue) => ({ queue, endOffset: 0 })),
    };
  }

  parts(life: Life, fault?: ClientFault): FollowingParts {
    const { log } = recordingLog();
    return {
      stream: 'fake',
      settings: fakeSettings(),
      lockName: 'fake',
      openSource: async () => {
        await life.step();
        return {
          checkSettings: async () => undefined,
          tryLock: async () => true,
          end: async () => this.binlog.end,
          checkHas: async () => undefined,
          lookUp: async () => undefined,
          ping: async () => undefined,
          [Symbol.asyncDispose]: async () => undefined,
        };
      },
      newClient: () => new FakeClient(this.binlog, fault),
      port: this.#port(life),
      checkpoints: {
        find: async () => {
          await life.step();
          return this.checkpoint;
        },
        save: async (_stream, checkpoint) => {
          await life.step();
          this.checkpoint = checkpoint;
          await life.step();
        },
      },
      savedLinks: {
        find: async (table, link) => {
          await life.step();
          return this.links.get(`${table} ${link}`);
        },
        save: async (links) => {
          await life.step();
          for (const { table, link, orderNo } of links) this.links.set(`${table} ${link}`, orderNo);
        },
      },
      steadyNow: () => 0,
      pause: async () => turn(),
      log,
    };
  }

  /** What a queue holds, in its order. */
  changes(queueId: number): RowChange[] {
    return (this.stored.get(queueId) ?? []).map(({ body }) => parseRowChange(String(body)));
  }

  queueIdOf(orderNo: string): number {
    return selectByHash(orderNo)(this.queues).queueId;
  }

  #port(life: Life): QueuePort {
    const underWay = new Set<() => void>();
    // A request that is on its way when its sender dies may arrive, or not.
    life.onDeath(() => {
      for (const store of underWay) if (this.#random.chance(0.5)) store();
    });
    return {
      queues: async () => this.queues,
      end: async (queue) => {
        await life.step();
        if (this.#random.chance(0.1)) throw away();
        const messages = this.stored.get(queue.queueId)!;
        return { queue, offset: messages.length, position: lastOf(messages) };
      },
      send: async ({ queueId }, messages) => {
        const store = (): number => this.stored.get(queueId)!.push(...messages);
        underWay.add(store);
        for (let turns = this.#random.below(4); turns > 0; turns--) await turn();
        await life.step();
        underWay.delete(store);
        if (this.#random.chance(0.08)) throw away();
        const end = store();
        await life.step();
        if (this.#random.chance(0.08)) throw away();
        return end - messages.length;
      },
    };
  }
}

function away(): MqError {
  return new MqError('REQUEST_TIMEOUT', 'the broker is away');
}

function lastOf(messages: readonly Message[]): BinlogPosition | undefined {
  const last = messages.at(-1);
  return last && positionOfProperties(new Map(Object.entries(last.properties ?? {})));
}
